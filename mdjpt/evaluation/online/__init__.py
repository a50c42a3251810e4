"""What alignment and calibration are worth while somebody is connected.

Sessions of simulated participants (:mod:`mdjpt.evaluation.online.sessions`) or of a prepared
dataset are decoded with every aligner, window by window as live
(:mod:`mdjpt.evaluation.online.courses`); :mod:`mdjpt.evaluation.online.run` does it for many and
can be taken up again; :mod:`mdjpt.evaluation.online.report` writes down what came out.
"""

"""Predictions leave as they are: no invented label, simulated said."""

from __future__ import annotations

import json
import socket
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pylsl
import pytest
from pythonosc.osc_packet import OscPacket
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from app.cli.main import run_command_line
from mdjpt.errors import MdjptError
from mdjpt.signal.quality import Quality
from streaming.prediction import Prediction
from streaming.publishers.json_lines import JsonLinesPublisher
from streaming.publishers.lsl import LABELS_TYPE, LSLPublisher
from streaming.publishers.osc import OscPublisher
from streaming.publishers.output import LOOPBACK, parse_output
from streaming.publishers.websocket import MAX_WAITING_BYTES, WebSocketPublisher
from streaming.snapshot import ModelCard
from streaming.stream import StreamInfo

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CARD = ModelCard("demo", "released", ("low", "high"), simulated=True)
INFO = StreamInfo("publisher-test", ("Cz",), 125.0)


def prediction(label: str | None) -> Prediction:
    known = label is not None
    return Prediction(
        index=0,
        start_s=0.0,
        end_s=5.0,
        timestamp=5.0,
        status="ok" if known else "gap",
        label=label,
        probabilities={"low": 0.25, "high": 0.75} if known else {},
        confidence=0.75 if known else 0.0,
        quality=Quality(1),
        latency_ms=20.0,
        simulated_parts=("model",),
        reason="" if known else "12 samples lost 1.2 s ago; back in 4 s",
    )


def test_each_prediction_is_one_line_of_json(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    publisher = JsonLinesPublisher(path)
    publisher.open(INFO, CARD, 0.5)
    publisher.publish(prediction("high"))
    publisher.publish(prediction(None))
    publisher.close()
    publisher.close()
    first, second = (json.loads(line) for line in path.read_text().splitlines())
    assert first["label"] == "high"
    assert first["simulated"] is True
    assert first["simulated_parts"] == ["model"]
    assert first["reason"] == ""
    assert second["label"] is None
    assert second["reason"] == "12 samples lost 1.2 s ago; back in 4 s"
    assert second["probabilities"] == {}


def test_a_file_that_cannot_be_written_is_said_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(MdjptError, match="choose another --out"):
        JsonLinesPublisher(tmp_path / "none" / "out.jsonl")


# LSL


def inlet_of(name: str) -> pylsl.StreamInlet:
    found = pylsl.resolve_byprop("name", name, 1, 10.0)
    inlet = pylsl.StreamInlet(found[0])
    inlet.open_stream(10.0)
    return inlet


def test_every_window_arrives_over_lsl_with_decision_valence_and_eeg_time() -> None:
    publisher = LSLPublisher("mdjpt-publisher-test")
    publisher.open(INFO, CARD, 0.5)
    inlet = inlet_of("mdjpt-publisher-test")
    # Later than what float32 tells from its neighbour.
    at = 123456.789
    publisher.publish(replace(prediction("high"), timestamp=at, valence=6.5, arousal=3.0))
    publisher.publish(prediction(None))
    known, _ = inlet.pull_sample(10.0)
    unknown, _ = inlet.pull_sample(10.0)
    description = inlet.info().desc()
    channel = description.child("channels").child("channel")
    labels = []
    while not channel.empty():
        labels.append(channel.child_value("label"))
        channel = channel.next_sibling("channel")
    inlet.close_stream()
    publisher.close()
    assert description.child_value("simulated") == "true"
    assert description.child_value("simulated_parts") == "model"
    assert labels == [
        "low", "high", "confidence", "abstained", "decision", "valence", "arousal", "eeg_time"
    ]  # fmt: skip
    assert known == [0.25, 0.75, 0.75, 0.0, 1.0, 6.5, 3.0, at]
    assert np.isnan([unknown[i] for i in (0, 1, 5, 6)]).all()
    assert unknown[2:5] == [0.0, 1.0, -1.0]


def test_labels_arrive_over_lsl_when_they_change_and_at_the_time_of_the_eeg() -> None:
    publisher = LSLPublisher("mdjpt-labels-test")
    publisher.open(replace(INFO, clock="lsl"), CARD, 0.5)
    inlet = inlet_of("mdjpt-labels-test-label")
    for second, label in enumerate(["high", "high", None, "low"], start=100):
        publisher.publish(replace(prediction(label), timestamp=float(second)))
    got = [inlet.pull_sample(10.0) for _ in range(3)]
    kind = inlet.info().type()
    inlet.close_stream()
    publisher.close()
    lost = "12 samples lost 1.2 s ago; back in 4 s"
    assert [row for row, _ in got] == [["high", ""], ["status/gap", lost], ["low", ""]]
    assert [stamp for _, stamp in got] == [100.0, 102.0, 103.0]
    # A session takes the events of its computer: it must not hear itself.
    assert kind == LABELS_TYPE
    assert "mark" not in kind.lower()


# OSC


@pytest.fixture
def receiver() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.settimeout(10.0)
        yield listening


def test_osc_carries_time_decision_valence_and_each_class(receiver: socket.socket) -> None:
    publisher = OscPublisher("127.0.0.1", receiver.getsockname()[1])
    publisher.open(INFO, CARD, 0.5)
    odd = {"low #1/x": 0.25, "high": 0.75}
    publisher.publish(replace(prediction("high"), probabilities=odd, timestamp=1e9 + 0.125))
    publisher.publish(prediction(None))
    messages = OscPacket(receiver.recv(65536)).messages
    (without,) = OscPacket(receiver.recv(65536)).messages
    publisher.close()
    publisher.close()
    sent = {timed.message.address: timed.message.params for timed in messages}
    end_s, timestamp, status, label, confidence, valence, arousal, simulated, reason = sent[
        "/mdjpt/prediction"
    ]
    assert (end_s, timestamp, status, label, confidence) == (5.0, 1e9 + 0.125, "ok", "high", 0.75)
    assert np.isnan([valence, arousal]).all()
    assert (simulated, reason) == (1, "")
    assert without.message.params[-1] == "12 samples lost 1.2 s ago; back in 4 s"
    assert sent["/mdjpt/probability/high"] == [0.75]
    assert sent["/mdjpt/probability/low__1_x"] == [0.25]


def test_nobody_needs_to_listen_to_osc(receiver: socket.socket) -> None:
    port = receiver.getsockname()[1]
    receiver.close()
    publisher = OscPublisher("127.0.0.1", port)
    publisher.open(INFO, CARD, 0.5)
    for _ in range(200):
        publisher.publish(prediction("high"))
    publisher.close()


def test_a_receiver_that_does_not_read_takes_what_fits_and_blocks_nobody(
    receiver: socket.socket,
) -> None:
    publisher = OscPublisher("127.0.0.1", receiver.getsockname()[1])
    for index in range(20_000):
        publisher.publish(replace(prediction("high"), index=index))
    publisher.close()
    assert receiver.recv(65536)


# WebSockets


@pytest.fixture
def served() -> Iterator[tuple[WebSocketPublisher, int]]:
    port = free_port()
    publisher = WebSocketPublisher("127.0.0.1", port)
    yield publisher, port
    publisher.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_websocket_client_gets_the_stream_then_each_prediction(
    served: tuple[WebSocketPublisher, int],
) -> None:
    publisher, port = served
    publisher.open(INFO, CARD, 0.5)
    with connect(f"ws://127.0.0.1:{port}") as client:
        hello = json.loads(client.recv(10.0))
        assert hello["type"] == "stream"
        assert hello["classes"] == ["low", "high"]
        assert (hello["simulated"], hello["simulated_parts"]) == (True, ["model"])
        client.send("what a client says is ignored")
        sent = replace(prediction("high"), valence=6.5)
        publisher.publish(sent)
        got = json.loads(client.recv(10.0))
        assert got == {"type": "prediction", **sent.to_json()}
        publisher.close()
        with pytest.raises(ConnectionClosed) as closed:
            client.recv(10.0)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1001
    publisher.publish(prediction("high"))
    publisher.close()


def test_a_client_that_does_not_read_holds_up_nobody_and_fills_no_memory(
    served: tuple[WebSocketPublisher, int],
) -> None:
    publisher, port = served
    publisher.open(INFO, CARD, 0.5)
    stuck = socket.create_connection(("127.0.0.1", port))
    stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    stuck.sendall(
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    large = replace(prediction("high"), quality=Quality(1, ("x" * 50_000,)))
    with connect(f"ws://127.0.0.1:{port}") as client:
        client.recv(10.0)
        while len(publisher._clients) < 2:
            publisher.publish(prediction("high"))
            client.recv(10.0)
        for index in range(400):
            publisher.publish(replace(large, index=index))
            assert json.loads(client.recv(10.0))["index"] == index
        waiting = [c.transport.get_write_buffer_size() for c in publisher._clients]
    assert 0 < max(waiting) < MAX_WAITING_BYTES + 60_000
    publisher.close()
    assert not publisher._thread.is_alive()
    stuck.close()


@pytest.mark.parametrize(
    ("origin", "let_in"),
    [
        (None, True),
        ("http://localhost:5173", True),
        ("https://[::1]", True),
        ("https://attacker.example", False),
        ("http://localhost.attacker.example", False),
        ("null", False),
    ],
)
def test_only_pages_of_this_computer_may_listen(
    served: tuple[WebSocketPublisher, int], origin: str | None, let_in: bool
) -> None:
    publisher, port = served
    publisher.open(INFO, CARD, 0.5)
    if let_in:
        with connect(f"ws://127.0.0.1:{port}", origin=origin) as client:
            assert json.loads(client.recv(10.0))["type"] == "stream"
        return
    with pytest.raises(InvalidStatus) as refused:
        connect(f"ws://127.0.0.1:{port}", origin=origin)
    assert refused.value.response.status_code == 403


def test_a_port_that_is_taken_is_one_line(served: tuple[WebSocketPublisher, int]) -> None:
    with pytest.raises(MdjptError, match="in use; choose another port") as error:
        WebSocketPublisher("127.0.0.1", served[1])
    assert "\n" not in str(error.value)


# What `--publish` takes


@pytest.mark.parametrize(
    ("text", "host", "port", "is_local"),
    [
        ("lsl", LOOPBACK, 0, False),
        ("osc:9000", LOOPBACK, 9000, True),
        ("osc:studio.local:9000", "studio.local", 9000, False),
        ("OSC:localhost:9000", "localhost", 9000, True),
        ("ws:8765", LOOPBACK, 8765, True),
        ("ws:0.0.0.0:8765", "0.0.0.0", 8765, False),
        ("ws:[::1]:8765", "::1", 8765, True),
    ],
)
def test_an_output_is_local_unless_a_host_is_said(
    text: str, host: str, port: int, is_local: bool
) -> None:
    output = parse_output(text)
    assert (output.host, output.port, output.is_local) == (host, port, is_local)
    assert ("this computer only" in str(output)) == is_local


@pytest.mark.parametrize("text", ["mail", "osc", "osc:", "ws:0", "ws:70000", "ws:a:b:1", "lsl:1"])
def test_what_is_no_output_is_refused(text: str) -> None:
    with pytest.raises(MdjptError, match="--publish"):
        parse_output(text)


def test_an_unknown_host_and_a_missing_extra_are_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(MdjptError, match=r"--publish osc:no\.such\.host\.invalid:9000"):
        OscPublisher("no.such.host.invalid", 9000)
    for name in ("pythonosc.osc_bundle_builder", "websockets.asyncio.server"):
        monkeypatch.setitem(sys.modules, name, None)
    for make in (OscPublisher, WebSocketPublisher):
        with pytest.raises(MdjptError, match=r'pip install "mdjpt-live\[outputs\]"'):
            make("127.0.0.1", 9000)


def test_run_sends_to_all_outputs_and_a_dead_one_changes_nothing(
    receiver: socket.socket, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    port, dead = receiver.getsockname()[1], free_port()
    arguments = ["run", "sim:?duration=7&n_channels=8&seed=3", "--speed", "max"]
    out = tmp_path / "out.jsonl"
    publish = ["--publish", f"osc:{port}", "--publish", f"osc:{dead}", "--publish", f"ws:{dead}"]
    assert run_command_line([*arguments, "--out", str(out), *publish]) == 0
    assert f"publishing: OSC to 127.0.0.1:{port}, this computer only" in capsys.readouterr().err
    written = [json.loads(line) for line in out.read_text().splitlines()]
    assert len(written) == 5
    for line in written:
        packet = OscPacket(receiver.recv(65536))
        (sent,) = (m.message for m in packet.messages if m.message.address == "/mdjpt/prediction")
        assert sent.params[:3] == [line["end_s"], line["timestamp"], line["status"]]

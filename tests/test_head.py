import numpy as np
import pytest
import torch

from mdjpt.network.emotion_head import Head
from tests.support.golden import golden_arrays, relative_error


@pytest.fixture
def examples():
    rng = np.random.default_rng(3)
    labels = np.arange(600) % 3
    features = rng.standard_normal((600, 20), dtype=np.float32)
    features[:, :3] += 2 * np.eye(3, dtype=np.float32)[labels]
    return features, labels


def golden_head():
    arrays = golden_arrays("golden_head.npz")
    weights = {name[3:]: array for name, array in arrays.items() if name.startswith("sd.fc")}
    return Head(weights), arrays


def test_logits_are_those_of_the_reference():
    head, arrays = golden_head()
    assert relative_error(head.logits(arrays["input"]), arrays["output"]) < 1e-5
    assert (head.n_features, head.n_classes) == (512, 5)


def test_calling_a_head_gives_its_logits():
    head, arrays = golden_head()
    np.testing.assert_array_equal(head(arrays["input"]), head.logits(arrays["input"]))


def test_a_head_learns_classes_that_differ(examples):
    features, labels = examples
    head = Head.fit(features[:400], labels[:400], n_epochs=60)
    accuracy = np.mean(head(features[400:]).argmax(1) == labels[400:])
    assert accuracy > 0.85


def test_the_same_seed_gives_the_same_head_and_leaves_the_global_generator_alone(examples):
    torch.manual_seed(11)
    before = torch.get_rng_state()
    first, second = (Head.fit(*examples, seed=5).arrays for _ in range(2))
    other = Head.fit(*examples, seed=6).arrays
    assert torch.equal(torch.get_rng_state(), before)
    for name, array in first.items():
        np.testing.assert_array_equal(array, second[name])
    assert any(not np.array_equal(first[name], other[name]) for name in first)


def test_arrays_give_the_same_head_again(examples):
    head = Head.fit(*examples, n_classes=4)
    again = Head(head.arrays)
    assert again.n_classes == 4
    np.testing.assert_array_equal(again(examples[0]), head(examples[0]))


def test_no_window_gives_no_logits(examples):
    assert Head.fit(*examples)(np.zeros((0, 20), np.float32)).shape == (0, 3)


@pytest.mark.parametrize(
    ("features", "labels", "words"),
    [
        (np.zeros((4, 2)), [0, 1, 2], r"\(4, 2\) and \(3,\)"),
        (np.zeros((0, 2)), [], r"\(0, 2\) and \(0,\)"),
        (np.full((2, 2), np.nan), [0, 1], "finite"),
        (np.zeros((2, 2)), [0.0, 1.0], "integers"),
        (np.zeros((2, 2)), [0, -1], "from 0"),
    ],
)
def test_examples_that_do_not_fit_are_refused(features, labels, words):
    with pytest.raises(ValueError, match=words):
        Head.fit(features, labels)


def test_a_label_beyond_the_classes_is_refused():
    with pytest.raises(ValueError, match="from 0 to 1, got 0 to 2"):
        Head.fit(np.zeros((3, 2)), [0, 1, 2], n_classes=2)


def test_features_of_another_width_are_refused(examples):
    with pytest.raises(ValueError, match=r"\(n_windows, 20\), got \(1, 512\)"):
        Head.fit(*examples).logits(np.zeros((1, 512)))


@pytest.mark.parametrize(
    ("name", "array", "words"),
    [
        ("fc2.weight", None, "fc2.weight"),
        ("fc4.bias", np.zeros(3), "fc4.bias"),
        ("fc2.weight", np.zeros((64, 100)), r"fc2 .*\(64, 100\)"),
        ("fc3.bias", np.zeros((3, 1)), "fc3"),
        ("fc1.bias", np.full(128, np.inf), "fc1 .* NaN or infinity"),
    ],
)
def test_arrays_that_make_no_head_are_refused(examples, name, array, words):
    arrays = Head.fit(*examples).arrays
    arrays.pop(name, None)
    if array is not None:
        arrays[name] = array
    with pytest.raises(ValueError, match=words):
        Head(arrays)

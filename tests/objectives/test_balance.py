"""What captions weigh in a critic's loss, learnt so that they count as much as pictures."""

import pytest
import torch
from torch.optim import SGD

from t2i_utils.interfaces import Batch, Sample, Score, Text, step_rng
from t2i_utils.objectives.adversarial import WASSERSTEIN, discriminator_losses
from t2i_utils.objectives.balance import Balance
from t2i_utils.objectives.round import Round


def round_of(matching, painted, swapped):
    """A round whose pairs were scored so."""
    batch = Batch(torch.zeros(2, 3, 4, 4), Text(torch.zeros(2, 5)), torch.arange(2), torch.tensor([1, 0]))
    round = Round(None, None, batch, 0, step_rng(0, 0), Sample((torch.zeros(2, 3, 4, 4),)))
    told = {"matching": matching, "painted": painted, "swapped": swapped}
    round.__dict__.update(
        {kind: [Score(torch.tensor(logits, requires_grad=True), True)] for kind, logits in told.items()}
    )
    return round


def test_the_critics_loss_is_minus_both_distances():
    round, balance = round_of([5.0, 3.0], [1.0, 0.0], [2.0, 1.0]), Balance(0.7)
    losses = discriminator_losses(round, WASSERSTEIN, balance.pairs())
    first, second = 4.0 - 0.5, 4.0 - 1.5
    assert sum(losses.values()).item() == pytest.approx(-first - 0.7 * second)
    sum(losses.values()).backward()
    assert balance.k.grad is None  # k has a turn of its own


def test_k_by_hand_and_its_gradient():
    balance = Balance(0.7)
    loss = balance.losses(round_of([5.0, 3.0], [1.0, 0.0], [2.0, 1.0]))["apart"]
    assert loss.item() == pytest.approx((0.7 * 2.5 - 3.5) ** 2)
    loss.backward()
    assert balance.k.grad.item() == pytest.approx(2 * 2.5 * (0.7 * 2.5 - 3.5))


def test_k_ends_where_both_distances_weigh_alike_and_scores_are_taken_as_they_are():
    balance, round = Balance(0.7), round_of([5.0, 3.0], [1.0, 0.0], [2.0, 1.0])
    optimizer = SGD(balance.parameters(), 0.02)
    for _ in range(200):
        optimizer.zero_grad()
        balance.losses(round)["apart"].backward()
        optimizer.step()
    assert balance.k.item() == pytest.approx(3.5 / 2.5, abs=1e-3)
    assert round.matching[0].logits.grad is None


def test_a_weight_that_cannot_be_is_refused():
    with pytest.raises(ValueError, match=r"begin with the weight 0; use a number above 0"):
        Balance(0)

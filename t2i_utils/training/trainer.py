"""The one loop: for every batch, each turn that is due learns. Mixed precision is decided here and nowhere else.

It knows nothing of GANs, of text or of what a batch is: `prepare` makes of a batch whatever the turns' losses look at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from t2i_utils.interfaces import step_seed
from t2i_utils.training.budget import Budget
from t2i_utils.training.guard import Buffers, Guard, Verdict
from t2i_utils.training.turns import Losses, Turn

Prepare = Callable[[Any, int, frozenset[str]], Any]
Watcher = Callable[["Trainer", Any, Mapping[str, Tensor]], object]

DROPOUT = 1  # the purpose of a step's own randomness: not the stream that its noise is drawn from


def as_it_is(batch: Any, step: int, due: frozenset[str]) -> Any:
    """The `prepare` of turns whose losses look at the batch itself."""
    return batch


class Trainer:
    """Ordered turns over batches.

    Args:
        turns: who learns, in this order, within a step.
        prepare: (batch, step, names of the turns that are due) to what their losses look at.
        device: where everything happens; modules are moved there, convolutions channels-last (faster on CPU and GPU).
        half: None for float32, torch.bfloat16, or torch.float16 with one gradient scaler a turn, so that one player's
            overflow does not cost the other its step.
        state: more modules whose state belongs to the run: averages, terms that learn.
        seed: of what networks draw by themselves (dropout): a function of (seed, step), like batches and noise, so that
            nothing that happens between two steps has a part in it.

    Attributes:
        step: batches seen.
        rate: factor of every optimiser's rates, beside its schedule; halved by a run that had to go back.
        guard: what was skipped because its numbers were not finite.
        norms: by player, the norm of its last turn's gradient, a scalar.
        scales: by player, the scale of its last turn's gradients, a scalar; none without a scaler.
    """

    def __init__(
        self,
        turns: Sequence[Turn],
        prepare: Prepare,
        device: torch.device | str = "cpu",
        half: torch.dtype | None = None,
        state: Mapping[str, nn.Module] | None = None,
        seed: int = 0,
    ):
        self.turns = list(turns)
        self.prepare = prepare
        self.device = torch.device(device)
        self.half = half
        self.state = dict(state or {})
        self.seed = seed
        self.step = 0
        self.rate = 1.0
        self.guard = Guard()
        self.norms: dict[str, Tensor] = {}
        self.scales: dict[str, Tensor] = {}
        for module in [turn.module for turn in self.turns] + list(self.state.values()):
            module.to(self.device, memory_format=torch.channels_last)
        for turn in self.turns:
            turn.module.train()
        self.scalers = {turn.name: self.scaler() for turn in self.turns}

    def scaler(self, state: Mapping[str, Any] | None = None) -> torch.amp.GradScaler:
        """A gradient scaler, at its beginning or where another's state was taken; it does nothing but for fp16."""
        scaler = torch.amp.GradScaler(self.device.type, enabled=self.half is torch.float16)
        if scaler.is_enabled() and state:
            scaler.load_state_dict(dict(state))
        return scaler

    def run(self, batches: Callable[[int], Iterable], budget: Budget, watchers: Sequence[Watcher] = ()) -> None:
        """Train until the budget is spent.

        Args:
            batches: from a step to the batches from there on, e.g. `loader.stream`: a resumed run sees the rest of its
                epoch.
            budget: of steps or minutes.
            watchers: called after every step with (trainer, what `prepare` made, losses by "turn/name").
        """
        if budget.spent(self.step):
            return
        for batch in batches(self.step):
            moment, losses = self.learn(batch)
            for watcher in watchers:
                watcher(self, moment, losses)
            if budget.spent(self.step):
                return

    def learn(self, batch: Any) -> tuple[Any, dict[str, Tensor]]:
        """One step: every turn that is due, in order. Returns what `prepare` made and the losses by "turn/name".

        A turn whose losses or gradients are not finite is skipped: its weights, its optimiser and what follows its step
        (averages, clipping) stay as they are, and running statistics go back to where the step found them.

        Raises:
            DivergedError: after several such turns of one player in a row.
        """
        with self.chance():
            return self._learn(batch)

    @contextmanager
    def chance(self) -> Iterator[None]:
        """Inside, torch's own randomness is this step's; afterwards it is where it was."""
        on_gpu = self.device.type == "cuda"
        # torch.manual_seed would write down the stack at every step, for a GPU that is not there
        begin = torch.manual_seed if on_gpu else torch.default_generator.manual_seed
        with torch.random.fork_rng([self.device] if on_gpu else []):
            begin(step_seed(self.seed, self.step, DROPOUT))
            yield

    def _learn(self, batch: Any) -> tuple[Any, dict[str, Tensor]]:
        buffers = Buffers([turn.module for turn in self.turns])
        due = [turn for turn in self.turns if turn.due(self.step)]
        for turn in self.turns:
            turn.freeze(False)
        with self.autocast():
            moment = self.prepare(batch, self.step, frozenset(turn.name for turn in due))
        losses: dict[str, Tensor] = {}
        all_taken = False
        try:
            taken = []
            for turn in due:
                seen, learnt = self.take(turn, moment)
                losses |= seen
                taken.append(learnt)
            all_taken = all(taken)
        finally:
            if not all_taken:
                buffers.restore()  # not sooner: graphs of this step may still hold them
        for turn in self.turns:
            turn.freeze(False)  # between steps nobody is frozen: other turns may be made of the same networks
        self.step += 1
        return moment, losses

    def take(self, turn: Turn, moment: Any) -> tuple[dict[str, Tensor], bool]:
        """One turn: losses, backward, optimiser.

        Returns its losses, detached, summed over accumulated parts, and whether anything was learnt from them.
        """
        for other in self.turns:
            other.freeze(other is not turn)
        turn.set_rate(self.step, self.rate)
        turn.optimizer.zero_grad(set_to_none=True)
        scaler = self.scalers[turn.name]
        seen: dict[str, Tensor] = {}
        for losses in self.parts(turn, moment):
            scaler.scale(sum(losses.values())).backward()
            for name, value in losses.items():
                key = f"{turn.name}/{name}"
                seen[key] = seen[key] + value.detach() if key in seen else value.detach()
        verdict = None
        try:
            if scaler.is_enabled():
                scaler.unscale_(turn.optimizer)
                self.scales[turn.name] = scaler.scale(torch.ones((), device=self.device))
            self.norms[turn.name] = gradient_norm(turn)
            verdict = self.guard.judge(turn, seen, self.norms[turn.name], self.step, self.scales.get(turn.name))
        finally:
            if scaler.is_enabled() and verdict in (Verdict.TAKEN, Verdict.OVERFLOW):
                scaler.update()
            elif scaler.is_enabled():
                # a loss that is not finite says nothing of the scale; and a scaler that unscaled is asked for no more
                self.scalers[turn.name] = self.scaler(scaler.state_dict())
        if verdict is not Verdict.TAKEN:
            return seen, False
        if turn.before_step is not None:
            turn.before_step()
        turn.optimizer.step()  # not the scaler's, which would look through all gradients once more
        if turn.after is not None:
            turn.after()
        return seen, True

    def parts(self, turn: Turn, moment: Any) -> Iterator[Losses]:
        """The turn's losses, each part computed under autocast and handed out to be backpropagated outside it."""
        with self.autocast():
            losses = turn.losses(moment)
        if isinstance(losses, Mapping):
            yield losses
            return
        while True:
            with self.autocast():
                part = next(losses, None)
            if part is None:
                return
            yield part

    def autocast(self) -> torch.autocast:
        """Half precision where it was asked for, nothing otherwise."""
        return torch.autocast(self.device.type, dtype=self.half, enabled=self.half is not None)

    def measures(self) -> dict[str, Tensor | float]:
        """What the last turns were like, by "kind/player": gradient norms, rates, scales; and the turns skipped so far.

        Tensors stay tensors: nobody waits for a GPU because of a record.
        """
        rates = {turn.name: turn.optimizer.param_groups[0]["lr"] for turn in self.turns}
        kinds = {"norm": self.norms, "rate": rates, "scale": self.scales}
        told = {f"{kind}/{name}": value for kind, values in kinds.items() for name, value in values.items()}
        overflows = {"overflows": float(sum(self.guard.overflows.values()))} if self.half is torch.float16 else {}
        return told | {"skipped": float(len(self.guard.skipped))} | overflows

    def state_dict(self) -> dict[str, Any]:
        """Everything that a resumed run needs to go on bitwise: tensors and plain values only."""
        return {
            "step": self.step,
            "rate": self.rate,
            "turns": {
                turn.name: {
                    "module": turn.module.state_dict(),
                    "optimizer": turn.optimizer.state_dict(),
                    "scaler": self.scalers[turn.name].state_dict(),
                }
                for turn in self.turns
            },
            "state": {name: module.state_dict() for name, module in self.state.items()},
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go back to where `state_dict` was taken."""
        for turn in self.turns:
            saved = state["turns"][turn.name]
            turn.module.load_state_dict(saved["module"])
            turn.optimizer.load_state_dict(saved["optimizer"])
            self.scalers[turn.name] = self.scaler(saved["scaler"])
        for name, module in self.state.items():
            module.load_state_dict(state["state"][name])
        self.step, self.rate = state["step"], state["rate"]
        self.guard.forget()


def gradient_norm(turn: Turn) -> Tensor:
    """The norm of all gradients of a player as one vector, a float32 scalar."""
    gradients = [parameter.grad for parameter in turn.learns if parameter.grad is not None]
    return torch.nn.utils.get_total_norm(gradients)

"""Every contract for every sampler on every array library, and the contracts themselves on samplers that break them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from array_api_compat import array_namespace
from backends import BACKENDS, Backend
from roster import ROSTER, Line

pytest.register_assert_rewrite("contracts")

import contracts  # noqa: E402

from sortilege.numerics import Key  # noqa: E402
from sortilege.samplers import SAMPLERS, Chain, Sampler, Temperature  # noqa: E402

Contract = Callable[[Line, Backend], None]


@pytest.mark.parametrize("contract", contracts.CONTRACTS, ids=lambda contract: contract.__name__)
@pytest.mark.parametrize("backend", BACKENDS, ids=repr)
@pytest.mark.parametrize("line", ROSTER, ids=repr)
def test_contract(line: Line, backend: Backend, contract: Contract) -> None:
    contract(line, backend)


def test_every_sampler_has_a_line() -> None:
    assert {type(line.make()) for line in ROSTER} == {*SAMPLERS.values(), Chain}


class Stateless(Sampler):
    def adjust(self, logits: Any, state: Any, key: Key) -> Any:
        return self.shaped(logits, key), state

    def shaped(self, logits: Any, key: Key) -> Any:
        raise NotImplementedError


@dataclass(frozen=True)
class MixesRows(Stateless):
    def shaped(self, logits: Any, key: Key) -> Any:
        xp = array_namespace(logits)
        return logits * xp.mean(xp.where(xp.isfinite(logits), logits, xp.zeros_like(logits)))


@dataclass(frozen=True)
class ReadsIds(Stateless):
    def shaped(self, logits: Any, key: Key) -> Any:
        xp = array_namespace(logits)
        return logits - xp.astype(xp.arange(logits.shape[-1])[None, :], logits.dtype)


@dataclass(frozen=True)
class Unmasks(Stateless):
    def shaped(self, logits: Any, key: Key) -> Any:
        xp = array_namespace(logits)
        return xp.where(xp.isfinite(logits), logits, xp.full_like(logits, -100.0))


@dataclass(frozen=True)
class DropsAll(Stateless):
    def shaped(self, logits: Any, key: Key) -> Any:
        xp = array_namespace(logits)
        return xp.where(logits > 1, logits, xp.full_like(logits, -xp.inf))


@dataclass(frozen=True)
class Writes(Stateless):
    def shaped(self, logits: Any, key: Key) -> Any:
        logits[...] = logits / 2
        return logits


@dataclass(frozen=True)
class Widens(Stateless):
    def shaped(self, logits: Any, key: Key) -> Any:
        xp = array_namespace(logits)
        return xp.astype(logits, xp.float64)


@dataclass(frozen=True)
class TossesItsOwnCoin(Stateless):
    def shaped(self, logits: Any, key: Key) -> Any:
        return logits + array_namespace(logits).asarray(np.random.default_rng().gumbel(size=logits.shape) * 9)


@dataclass(frozen=True)
class Rounds(Stateless):
    def shaped(self, logits: Any, key: Key) -> Any:
        xp = array_namespace(logits)
        return xp.astype(xp.astype(logits, xp.float16), logits.dtype) if logits.dtype == xp.float32 else logits


@dataclass(frozen=True)
class MixesStates(Sampler):
    def init(self, logits: Any) -> Any:
        return logits[:, 0]

    def adjust(self, logits: Any, state: Any, key: Key) -> Any:
        xp = array_namespace(logits)
        return logits + 0.1 * xp.where(xp.isfinite(state), state, xp.zeros_like(state))[0], state


@dataclass(frozen=True)
class Grows(Sampler):
    def init(self, logits: Any) -> Any:
        return logits[:, :1]

    def adjust(self, logits: Any, state: Any, key: Key) -> Any:
        return logits, array_namespace(state).concat([state, state], axis=-1)


@dataclass(frozen=True)
class BelievesTheDraw(Sampler):
    def init(self, logits: Any) -> Any:
        return array_namespace(logits).zeros_like(logits)

    def adjust(self, logits: Any, state: Any, key: Key) -> Any:
        return logits - state, logits

    def observe(self, tokens: Any, state: Any) -> Any:
        xp = array_namespace(state)
        return state - xp.take_along_axis(state, tokens[:, None], axis=-1)


BROKEN = {
    contracts.rows_are_independent: MixesRows,
    contracts.one_row_is_a_row_of_many: MixesRows,
    contracts.permutation_commutes: ReadsIds,
    contracts.masks_stay_and_something_remains: Unmasks,
    contracts.unusable_rows_pass_through: Unmasks,
    contracts.something_happens: Temperature,
    contracts.inputs_are_not_written_to: Writes,
    contracts.dtype_is_kept: Widens,
    contracts.neutral_changes_nothing: Rounds,
    contracts.float32_agrees_with_float64: Rounds,
    contracts.libraries_agree: TossesItsOwnCoin,
    contracts.same_key_same_tokens: TossesItsOwnCoin,
    contracts.jit_is_eager_and_compiles_once: Grows,
    contracts.gathering_commutes: MixesStates,
    contracts.any_token_may_be_forced: BelievesTheDraw,
    contracts.stateless_means_no_state: Grows,
}


@pytest.mark.parametrize("contract", BROKEN, ids=lambda contract: contract.__name__)
def test_a_broken_sampler_fails(contract: Contract) -> None:
    line = Line("broken", BROKEN[contract], neutral=BROKEN[contract], stateless=True)
    name = "jax-jit" if contract is contracts.jit_is_eager_and_compiles_once else "torch"
    with np.errstate(all="ignore"), pytest.raises(AssertionError):
        contract(line, next(backend for backend in BACKENDS if backend.name == name))


def test_every_contract_can_fail() -> None:
    assert {*BROKEN} == {*contracts.CONTRACTS}
    line = Line("drops all", DropsAll)
    with pytest.raises(AssertionError):
        contracts.masks_stay_and_something_remains(line, BACKENDS[0])

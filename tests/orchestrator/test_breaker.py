"""The breaker against its rules, stated once more and more simply."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
)

from parley_orchestrator.llm.breaker import (
    Breaker,
    BreakerPolicy,
    Ticket,
    admitted,
    failed,
    insisted,
    interrupted,
    released,
    state,
    succeeded,
)

POLICY = BreakerPolicy()
CLOSED = Breaker()


def opened(now: float = 0.0, breaker: Breaker = CLOSED) -> Breaker:
    """After three failures in a row."""
    for _ in range(POLICY.failures_to_open):
        breaker, ticket = insisted(breaker, now, POLICY)
        breaker = failed(breaker, ticket, now, POLICY)
    return breaker


def probing(breaker: Breaker, now: float) -> tuple[Breaker, Ticket]:
    breaker, ticket = admitted(breaker, now, POLICY)
    assert ticket
    return breaker, ticket


def test_two_failures_and_a_success_leave_it_closed() -> None:
    breaker = CLOSED
    for _ in range(5):
        for _ in range(2):
            breaker = failed(breaker, Ticket(0), 0.0, POLICY)
        breaker = succeeded(breaker, Ticket(0))

    assert breaker == CLOSED


def test_the_third_failure_in_a_row_opens_it_for_the_cooldown() -> None:
    breaker = opened(now=100.0)

    assert state(breaker, 129.9) == "open"
    assert admitted(breaker, 129.9, POLICY) == (breaker, None)
    assert state(breaker, 130.0) == "half_open"


def test_one_probes_and_the_others_wait() -> None:
    breaker, _ = probing(opened(), 30.0)

    assert admitted(breaker, 30.0, POLICY)[1] is None


def test_a_probe_that_succeeds_closes_it() -> None:
    breaker = succeeded(*probing(opened(), 30.0))

    assert state(breaker, 30.0) == "closed"


def test_each_probe_that_fails_doubles_the_cooldown_up_to_the_longest() -> None:
    breaker, now, cooldowns = opened(), 0.0, []
    for _ in range(6):
        cooldowns.append(breaker.cooldown_s)
        now = breaker.open_until
        breaker, ticket = probing(breaker, now)
        breaker = failed(breaker, ticket, now, POLICY)

    assert cooldowns == [30.0, 60.0, 120.0, 240.0, 300.0, 300.0]


def test_after_it_closed_the_cooldown_starts_small_again() -> None:
    breaker, ticket = probing(opened(), 30.0)
    breaker, ticket = probing(failed(breaker, ticket, 30.0, POLICY), 90.0)

    assert opened(now=90.0, breaker=succeeded(breaker, ticket)).cooldown_s == 30.0


def test_a_probe_that_is_given_back_lets_the_next_turn_probe_at_once() -> None:
    breaker = released(*probing(opened(), 30.0))

    assert admitted(breaker, 30.0, POLICY)[1]


def test_an_answer_that_is_interrupted_ends_a_row_of_failures() -> None:
    breaker = failed(failed(CLOSED, Ticket(0), 0.0, POLICY), Ticket(0), 0.0, POLICY)

    assert interrupted(breaker, Ticket(0)) == CLOSED


def test_a_probe_whose_answer_is_interrupted_lets_the_next_turn_probe_at_once() -> None:
    breaker = interrupted(*probing(opened(), 30.0))

    assert state(breaker, 30.0) == "half_open"
    assert admitted(breaker, 30.0, POLICY)[1]


def test_a_probe_that_was_never_heard_of_again_blocks_until_its_lease_ends() -> None:
    breaker, _ = probing(opened(), 30.0)

    assert admitted(breaker, 30.0 + POLICY.probe_lease_s - 0.1, POLICY)[1] is None
    assert admitted(breaker, 30.0 + POLICY.probe_lease_s, POLICY)[1]


def test_a_probe_that_was_overtaken_gives_nothing_back() -> None:
    breaker, overtaken = probing(opened(), 30.0)
    breaker, _ = probing(breaker, 60.0)

    assert released(breaker, overtaken) == breaker


def test_a_probe_that_was_overtaken_opens_nothing_and_may_still_close_it() -> None:
    breaker, overtaken = probing(opened(), 30.0)
    breaker, _ = probing(breaker, 60.0)

    assert failed(breaker, overtaken, 60.0, POLICY) == breaker
    assert state(succeeded(breaker, overtaken), 60.0) == "closed"


def test_what_was_asked_before_it_opened_says_nothing_any_more() -> None:
    breaker = opened()

    assert failed(breaker, Ticket(0), 1.0, POLICY) == breaker
    assert succeeded(breaker, Ticket(0)) == breaker


def test_one_that_is_asked_although_open_closes_it_by_an_answer_and_loses_nothing_else() -> None:
    breaker, ticket = insisted(opened(), 1.0, POLICY)

    assert failed(breaker, ticket, 1.0, POLICY) == breaker
    assert state(succeeded(breaker, ticket), 1.0) == "closed"


def test_one_that_is_asked_in_any_case_is_a_probe_where_it_can_be() -> None:
    breaker, ticket = insisted(opened(), 30.0, POLICY)

    assert failed(breaker, ticket, 30.0, POLICY).cooldown_s == 60.0


@pytest.mark.parametrize("now", [0.0, 1.0, 1_700_000_000.123_456_7])
def test_it_is_open_at_the_moment_it_opens_whatever_the_clock(now: float) -> None:
    assert state(opened(now), now) == "open"


def test_a_clock_that_was_set_back_keeps_neither_breaker_nor_lease() -> None:
    breaker, ticket = admitted(opened(now=10_000.0), 5.0, POLICY)
    assert ticket

    assert admitted(breaker, -1_000.0, POLICY)[1]


class Rules(RuleBasedStateMachine):
    """Any number of callers ask, answer late or never, and time passes between."""

    tickets = Bundle("tickets")

    @initialize()
    def begin(self) -> None:
        self.breaker = CLOSED
        self.now = 1_000.0
        self.in_a_row = 0
        self.reopened = 0
        self.opened_at: float | None = None
        self.generation = 0
        self.probe: Ticket | None = None
        self.leases: dict[Ticket, float] = {}

    @rule(target=tickets)
    def ask(self) -> Ticket | object:
        self.breaker, ticket = admitted(self.breaker, self.now, POLICY)
        if self.opened_at is None:
            assert ticket
            assert not ticket.lease
        elif self.now < self.opened_at + self._cooldown() or self._someone_probes():
            assert ticket is None
        else:
            assert ticket
            assert ticket.lease
            self._probes(ticket)
        return ticket or multiple()

    @rule(target=tickets)
    def insist(self) -> Ticket:
        self.breaker, ticket = insisted(self.breaker, self.now, POLICY)
        if ticket.lease:
            self._probes(ticket)
        return ticket

    @rule(ticket=consumes(tickets))
    def answer(self, ticket: Ticket) -> None:
        self.breaker = succeeded(self.breaker, ticket)
        if self._is_current(ticket):
            self.in_a_row = 0
            if self.opened_at is not None:
                self._moved_on(opened_at=None)
                self.reopened = 0

    @rule(ticket=consumes(tickets))
    def fail(self, ticket: Ticket) -> None:
        self.breaker = failed(self.breaker, ticket, self.now, POLICY)
        if not self._is_current(ticket):
            return
        if self.opened_at is None:
            self.in_a_row += 1
            if self.in_a_row == 3:
                self._moved_on(opened_at=self.now)
        elif ticket == self.probe:
            self.reopened += 1
            self._moved_on(opened_at=self.now)

    @rule(ticket=consumes(tickets))
    def give_up(self, ticket: Ticket) -> None:
        self.breaker = released(self.breaker, ticket)
        if self._is_current(ticket) and ticket == self.probe:
            del self.leases[ticket]

    @rule(ticket=consumes(tickets))
    def interrupt(self, ticket: Ticket) -> None:
        self.breaker = interrupted(self.breaker, ticket)
        if self._is_current(ticket) and self.opened_at is None:
            self.in_a_row = 0
        elif self._is_current(ticket) and ticket == self.probe:
            del self.leases[ticket]

    @rule(seconds=st.sampled_from([0.1, 5.0, 15.0, 30.0, 300.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @invariant()
    def it_is_in_the_state_that_the_rules_say(self) -> None:
        if self.opened_at is None:
            expected = "closed"
        else:
            is_over = self.now >= self.opened_at + self._cooldown()
            expected = "half_open" if is_over else "open"
        assert state(self.breaker, self.now) == expected

    @invariant()
    def one_at_most_probes(self) -> None:
        assert sum(until > self.now for until in self.leases.values()) <= 1

    def _cooldown(self) -> float:
        return min(30.0 * 2.0**self.reopened, 300.0)

    def _someone_probes(self) -> bool:
        return any(until > self.now for until in self.leases.values())

    def _is_current(self, ticket: Ticket) -> bool:
        return ticket.generation == self.generation

    def _probes(self, ticket: Ticket) -> None:
        self.probe = ticket
        self.leases[ticket] = self.now + POLICY.probe_lease_s

    def _moved_on(self, opened_at: float | None) -> None:
        self.opened_at = opened_at
        self.in_a_row = 0
        self.generation += 1
        self.probe = None
        self.leases.clear()


TestRules = Rules.TestCase
TestRules.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)

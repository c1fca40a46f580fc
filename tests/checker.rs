//! The checker of histories accepts what a correct store may answer and rejects what it may not.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::linearizability::specification::Condition::{Absent, Value};
use common::linearizability::specification::KeyAnswer::{Done, Flag, Number};
use common::linearizability::specification::KeyOperation::{
    Get, GetSet, Increment, Remove, Set, SetIf,
};
use common::linearizability::specification::{
    KeyAnswer, KeyOperation, StoreAnswer, StoreOperation,
};
use common::linearizability::workload::{Clock, Dice, operation};
use common::linearizability::{Call, NEVER, Outcome, Specification, Verdict, check};

const STEPS_MAX: usize = 100_000;

fn call<O: Specification>(
    client: usize,
    (invoked, returned): (u64, u64),
    operation: O,
    answer: O::Answer,
) -> Call<O> {
    Call { client, invoked, returned, operation, outcome: Outcome::Known(answer) }
}

/// Returns a call without an answer, over at that time.
fn unknown<O: Specification>(client: usize, (invoked, over): (u64, u64), operation: O) -> Call<O> {
    Call { client, invoked, returned: over, operation, outcome: Outcome::Unknown }
}

fn read(value: impl Into<Option<i64>>) -> KeyAnswer {
    KeyAnswer::Value(value.into())
}

fn verdict<O: Specification>(history: &[Call<O>]) -> Verdict {
    check(history, STEPS_MAX)
}

fn accept<O: Specification>(history: &[Call<O>]) {
    assert_eq!(verdict(history), Verdict::Linearizable, "{history:?}");
}

fn reject<O: Specification>(history: &[Call<O>]) {
    assert_eq!(verdict(history), Verdict::Illegal, "{history:?}");
}

#[test]
fn sequential_calls_have_one_answer() {
    let history = |last| {
        [
            call(0, (0, 1), SetIf(Absent, 5), Flag(true)),
            call(0, (2, 3), Increment(2), Number(7)),
            call(1, (4, 5), GetSet(9), read(7)),
            call(0, (6, 7), SetIf(Value(7), 1), Flag(false)),
            call(1, (8, 9), Remove, Flag(true)),
            call(1, (10, 11), Get, last),
        ]
    };
    accept(&history(read(None)));
    reject(&history(read(9)));
    accept::<KeyOperation>(&[]);
}

#[test]
fn a_read_beside_a_write_sees_either_value_but_never_the_old_one_again() {
    let set = call(0, (0, 1), Set(1), Done);
    let beside = || call(1, (2, 9), Set(2), Done);
    accept(&[set.clone(), beside(), call(0, (3, 4), Get, read(1))]);
    accept(&[set.clone(), beside(), call(0, (3, 4), Get, read(2))]);
    let then = |first, second| {
        [set.clone(), beside(), call(0, (3, 4), Get, first), call(2, (5, 6), Get, second)]
    };
    accept(&then(read(1), read(2)));
    reject(&then(read(2), read(1)));
}

#[test]
fn a_stale_read_is_rejected() {
    let history = |value| {
        [
            call(0, (0, 1), Set(1), Done),
            call(0, (2, 3), Set(2), Done),
            call(1, (4, 5), Get, read(value)),
        ]
    };
    accept(&history(2));
    reject(&history(1));
}

#[test]
fn a_lost_update_is_rejected() {
    let history = |second| {
        [call(0, (0, 5), Increment(1), Number(1)), call(1, (1, 6), Increment(1), Number(second))]
    };
    accept(&history(2));
    reject(&history(1));
    let both = |second| {
        [
            call(0, (0, 5), SetIf(Absent, 1), Flag(true)),
            call(1, (1, 6), SetIf(Absent, 2), Flag(second)),
        ]
    };
    accept(&both(false));
    reject(&both(true));
}

#[test]
fn a_value_that_nobody_wrote_is_rejected() {
    reject(&[call(0, (0, 9), Set(1), Done), call(1, (1, 2), Get, read(3))]);
    reject(&[call(0, (0, 1), Remove, Flag(true))]);
}

#[test]
fn an_unknown_write_may_appear_at_any_later_time_or_never() {
    let history = |first, second| {
        [
            unknown(0, (0, NEVER), Set(1)),
            call(1, (2, 3), Get, read(first)),
            call(1, (4, 5), Get, read(second)),
        ]
    };
    accept(&history(None, None));
    accept(&history(None, Some(1)));
    accept(&history(Some(1), Some(1)));
    reject(&history(Some(1), None));
    // Two of them may come in any order, but each only once.
    let twice = |values: [i64; 3]| {
        let mut history = vec![
            call(2, (0, 1), Set(9), Done),
            unknown(0, (2, NEVER), Set(1)),
            unknown(1, (3, NEVER), Set(2)),
        ];
        for (time, value) in (10..).step_by(2).zip(values) {
            history.push(call(2, (time, time + 1), Get, read(value)));
        }
        history
    };
    accept(&twice([9, 2, 1]));
    accept(&twice([9, 1, 1]));
    reject(&twice([1, 9, 9]));
    reject(&twice([1, 2, 1]));
}

#[test]
fn an_unknown_write_that_is_over_does_not_appear_any_more() {
    let history = |over| {
        [
            unknown(0, (0, over), Set(1)),
            call(1, (4, 5), Get, read(None)),
            call(1, (6, 7), Get, read(1)),
        ]
    };
    accept(&history(NEVER));
    accept(&history(5));
    reject(&history(3));
}

#[test]
fn a_failed_write_never_happened() {
    let failed = Call { outcome: Outcome::Failed, ..call(0, (0, 1), Set(1), Done) };
    accept(&[failed.clone(), call(1, (2, 3), Get, read(None))]);
    reject(&[failed, call(1, (2, 3), Get, read(1))]);
}

#[test]
fn time_orders_what_does_not_overlap() {
    let history = |second: (u64, u64)| {
        [
            call(0, (0, 2), Set(1), Done),
            call(1, second, Set(2), Done),
            call(2, (6, 7), Get, read(1)),
        ]
    };
    accept(&history((1, 5)));
    reject(&history((3, 5)));
}

#[test]
fn a_client_that_does_not_wait_is_served_in_order() {
    let history = |client| {
        [
            call(0, (0, 10), Set(1), Done),
            call(client, (1, 11), Set(2), Done),
            call(5, (12, 13), Get, read(1)),
        ]
    };
    accept(&history(1));
    reject(&history(0));
    let unknown = |value| {
        [
            unknown(0, (0, NEVER), Set(1)),
            call(0, (1, 11), Set(2), Done),
            call(5, (12, 13), Get, read(value)),
        ]
    };
    accept(&unknown(2));
    reject(&unknown(1));
}

fn batch(write: &[(usize, i64)]) -> StoreOperation {
    let write = write.iter().map(|(key, value)| (*key, Some(*value))).collect();
    StoreOperation::Batch { require: vec![], write }
}

fn values(values: &[i64]) -> StoreAnswer {
    StoreAnswer::Values(values.iter().map(|value| Some(*value)).collect())
}

#[test]
fn half_a_batch_is_rejected() {
    let history = |seen: &[i64]| {
        [
            call(0, (0, 1), batch(&[(0, 1), (1, 1)]), StoreAnswer::Applied(true)),
            call(0, (2, 9), batch(&[(0, 2), (1, 2)]), StoreAnswer::Applied(true)),
            call(1, (3, 8), StoreOperation::Read(vec![0, 1]), values(seen)),
        ]
    };
    accept(&history(&[1, 1]));
    accept(&history(&[2, 2]));
    reject(&history(&[1, 2]));
    reject(&history(&[2, 1]));
}

#[test]
fn a_snapshot_of_two_moments_is_rejected() {
    let history = |first: &[i64], second: &[i64]| {
        [
            call(0, (0, 1), batch(&[(0, 1), (1, 1)]), StoreAnswer::Applied(true)),
            call(0, (2, 20), StoreOperation::Key(0, Set(2)), StoreAnswer::Key(Done)),
            call(1, (3, 19), StoreOperation::Key(1, Set(2)), StoreAnswer::Key(Done)),
            call(2, (4, 9), StoreOperation::Read(vec![0, 1]), values(first)),
            call(3, (5, 10), StoreOperation::Read(vec![0, 1]), values(second)),
        ]
    };
    accept(&history(&[2, 1], &[2, 2]));
    // Two snapshots that disagree about which write came first.
    reject(&history(&[2, 1], &[1, 2]));
}

#[test]
fn a_refused_batch_changes_nothing_and_a_clear_everything() {
    let refused =
        StoreOperation::Batch { require: vec![(0, Absent)], write: vec![(0, Some(7)), (1, None)] };
    let history = |applied, seen| {
        [
            call(0, (0, 1), batch(&[(0, 1), (1, 1)]), StoreAnswer::Applied(true)),
            call(0, (2, 3), refused.clone(), StoreAnswer::Applied(applied)),
            call(0, (4, 5), StoreOperation::Read(vec![0, 1]), values(seen)),
            call(0, (6, 7), StoreOperation::Clear, StoreAnswer::Done),
            call(0, (8, 9), StoreOperation::Read(vec![1]), StoreAnswer::Values(vec![None])),
        ]
    };
    accept(&history(false, &[1, 1]));
    reject(&history(true, &[1, 1]));
    reject(&history(false, &[7, 1]));
}

#[test]
fn a_search_that_is_given_up_is_no_proof() {
    let history: Vec<_> = (0..8).map(|n| call(0, (2 * n, 2 * n + 1), Set(1), Done)).collect();
    assert_eq!(check(&history, 8), Verdict::Linearizable);
    assert_eq!(check(&history, 7), Verdict::Undecided);
}

/// Returns a history of an atomic register: each call takes effect at one moment between its ends.
fn simulate(dice: &mut Dice, calls: usize) -> Vec<Call<KeyOperation>> {
    let clock = Clock::default();
    // Of each client: when its last call began, took effect and ended.
    let mut last = [(0, 0, 0); 3];
    let mut effects = Vec::new();
    for number in 0..calls {
        let client = dice.roll(last.len());
        let draw = |dice: &mut Dice, most| u64::try_from(1 + dice.roll(most)).unwrap();
        // Few values, so that a wrong answer is sometimes one that another order explains.
        let operation = match operation(dice, &clock, Some(1)) {
            Set(_) => Set(draw(dice, 2).cast_signed()),
            GetSet(_) => GetSet(draw(dice, 2).cast_signed()),
            SetIf(condition, _) => SetIf(condition, draw(dice, 2).cast_signed()),
            Increment(_) => Increment(1),
            other => other,
        };
        // A third of the calls do not wait for the one before them, but take effect after it.
        let (begun, effective, ended) = last[client];
        let invoked = if dice.roll(3) == 0 { begun } else { ended } + draw(dice, 4);
        let effect = invoked.max(effective) + draw(dice, 6);
        let returned = effect + draw(dice, 6);
        last[client] = (invoked, effect, returned.max(ended));
        // Times of one size are told apart by the number of the call.
        let apart = |time: u64| time * 1000 + u64::try_from(number).unwrap();
        effects.push((
            apart(effect),
            Call {
                client,
                invoked: apart(invoked),
                returned: apart(returned),
                operation,
                outcome: Outcome::Unknown,
            },
        ));
    }
    effects.sort_by_key(|(effect, _)| *effect);
    let mut state = None;
    for (_, call) in &mut effects {
        let is_told = dice.roll(5) > 0;
        if is_told || dice.roll(2) == 0 {
            let answer = call.operation.apply(&mut state);
            if is_told {
                call.outcome = Outcome::Known(answer);
                continue;
            }
        }
        if dice.roll(2) == 0 {
            call.returned = NEVER;
        }
    }
    effects.into_iter().map(|(_, call)| call).collect()
}

/// Gives one call another answer.
fn lie(dice: &mut Dice, history: &mut [Call<KeyOperation>]) {
    let position = dice.roll(history.len());
    let Outcome::Known(answer) = &mut history[position].outcome else { return };
    *answer = match *answer {
        KeyAnswer::Value(value) => {
            let others = [None, Some(1), Some(2), Some(3)].into_iter().filter(|o| *o != value);
            KeyAnswer::Value(others.collect::<Vec<_>>()[dice.roll(3)])
        }
        Flag(flag) => Flag(!flag),
        Number(number) => Number(number + 1 - 2 * i64::from(dice.roll(2) == 0)),
        Done => Done,
    };
}

/// Returns true if some order of all known calls and some others explains the history: tries each
/// one.
fn brute_force(history: &[Call<KeyOperation>], order: &mut Vec<usize>, state: Option<i64>) -> bool {
    let is_known = |position: &usize| matches!(history[*position].outcome, Outcome::Known(_));
    let left: Vec<_> = (0..history.len()).filter(|position| !order.contains(position)).collect();
    if !left.iter().any(is_known) {
        return true;
    }
    left.into_iter().any(|next| {
        let call = &history[next];
        let mut state = state;
        let answer = call.operation.apply(&mut state);
        let fits = match call.outcome {
            Outcome::Known(seen) => seen == answer,
            _ => true,
        };
        let follows = order.iter().all(|&before| {
            let before = &history[before];
            let in_order = before.client != call.client || before.invoked < call.invoked;
            in_order && call.returned > before.invoked
        });
        if !fits || !follows {
            return false;
        }
        order.push(next);
        let explained = brute_force(history, order, state);
        order.pop();
        explained
    })
}

#[test]
fn the_search_agrees_with_trying_every_order() {
    let (mut legal, mut illegal) = (0, 0);
    for seed in 0..100_000 {
        let mut dice = Dice::new(seed, 0);
        let calls = 1 + dice.roll(6);
        let mut history = simulate(&mut dice, calls);
        if seed % 4 == 0 {
            accept(&history);
        } else {
            lie(&mut dice, &mut history);
        }
        let expected = match brute_force(&history, &mut vec![], None) {
            true => Verdict::Linearizable,
            false => Verdict::Illegal,
        };
        assert_eq!(verdict(&history), expected, "seed {seed}: {history:?}");
        match expected {
            Verdict::Linearizable => legal += 1,
            _ => illegal += 1,
        }
    }
    println!("{legal} legal and {illegal} illegal histories");
    assert!(legal > 25_000 && illegal > 25_000, "{legal} legal and {illegal} illegal");
}

#[test]
fn long_histories_of_an_atomic_register_are_accepted() {
    let mut operations = 0;
    for seed in 0..300 {
        let mut dice = Dice::new(seed, 1);
        let history = simulate(&mut dice, 100);
        operations += history.len();
        assert_eq!(check(&history, 2_000_000), Verdict::Linearizable, "seed {seed}");
    }
    println!("{operations} operations");
}

//! Bitwise operations between values.

use super::call::{Call, Executed};
use super::command_error::SYNTAX;
use super::reply_value::refuse;
use super::word::is;
use super::write::single;
use crate::store::{BitCombination, BitOperator, WriteOperation};

/// `BITOP AND | OR | XOR | NOT destination key [key ...]`
pub(super) fn bitop(call: &Call<'_>) -> Executed {
    let operators = [
        ("AND", BitOperator::And),
        ("OR", BitOperator::Or),
        ("XOR", BitOperator::Xor),
        ("NOT", BitOperator::Not),
    ];
    let named = operators.into_iter().find(|(word, _)| is(call.argument(1), word));
    let Some((_, operator)) = named else {
        return refuse(SYNTAX);
    };
    let sources: Vec<_> = call.rest(3).map(<[u8]>::to_vec).collect();
    if operator == BitOperator::Not && sources.len() > 1 {
        return refuse("ERR BITOP NOT must be called with a single source key.");
    }
    let combination = BitCombination { operator, target: call.argument(2).to_vec(), sources };
    call.write([WriteOperation::CombineBits(Box::new(combination))], single)
}

//! Random values.

use gotemplate::{
    Arguments, Buffer, Context, Failure, Function,
    Parameter::{Int, Text},
    Value, rune,
};
use rand::CryptoRng;

use super::convert::integer;
use crate::radix::BASE64;

pub(super) static FUNCTIONS: &[Function] = &[
    Function::new("randAlpha", &[Int], |c, a| characters(c, a, u8::is_ascii_alphabetic)).random(),
    Function::new("randAlphaNum", &[Int], |c, a| characters(c, a, u8::is_ascii_alphanumeric))
        .random(),
    Function::new("randAscii", &[Int], |c, a| {
        characters(c, a, |byte| byte.is_ascii_graphic() || *byte == b' ')
    })
    .random(),
    Function::new("randBytes", &[Int], |c, a| {
        let len = count(c, a)?;
        let mut bytes = zeroize::Zeroizing::new(vec![0; len]);
        c.random.fill_bytes(&mut bytes);
        Ok(Value::text(BASE64.encode(&bytes)))
    })
    .random(),
    Function::new("randInt", &[Int, Int], |c, a| {
        let (low, high) = (integer(a.any(0)?), integer(a.any(1)?));
        let width = high.checked_sub(low).and_then(|width| u64::try_from(width).ok());
        let width = width.filter(|width| *width > 0).ok_or("the range is empty")?;
        Ok(Value::Int(low + i64::try_from(below(c.random, width)).unwrap_or(0)))
    })
    .random(),
    Function::new("randNumeric", &[Int], |c, a| characters(c, a, u8::is_ascii_digit)).random(),
    Function::new("shuffle", &[Text], shuffle).random(),
    Function::new("uuidv4", &[], |c, _| Ok(Value::text(uuid(c.random)))).random(),
];

fn count(context: &mut Context<'_>, arguments: Arguments<'_>) -> Result<usize, Failure> {
    let count = usize::try_from(integer(arguments.any(0)?));
    let count = count.map_err(|_| Failure::Because("a count is negative"))?;
    context.meter.bytes(count.saturating_mul(3))?;
    Ok(count)
}

/// Characters of a set, all equally likely.
fn characters(
    context: &mut Context<'_>,
    arguments: Arguments<'_>,
    is_in_set: fn(&u8) -> bool,
) -> Result<Value, Failure> {
    // Sprig drops the error about a negative count.
    let count = if integer(arguments.any(0)?) < 0 { 0 } else { count(context, arguments)? };
    let set: Vec<u8> = (0..=127).filter(is_in_set).collect();
    let mut text = Buffer::with_capacity(count);
    for _ in 0..count {
        let index = below(context.random, set.len() as u64);
        text.push_byte(set[usize::try_from(index).unwrap_or(0)]);
    }
    Ok(Value::text(text))
}

/// A number below `limit`, without bias: draws that would favour small numbers are repeated.
fn below(random: &mut dyn CryptoRng, limit: u64) -> u64 {
    let fair = u64::MAX - u64::MAX % limit;
    loop {
        let drawn = random.next_u64();
        if drawn < fair {
            return drawn % limit;
        }
    }
}

fn shuffle(context: &mut Context<'_>, arguments: Arguments<'_>) -> Result<Value, Failure> {
    let text = arguments.text(0)?;
    context.meter.items(text.len())?;
    let mut characters: Vec<&[u8]> = rune::runes(text).map(|(_, read)| read).collect();
    for last in (1..characters.len()).rev() {
        let other = below(context.random, last as u64 + 1);
        characters.swap(last, usize::try_from(other).unwrap_or(0));
    }
    let mut shuffled = Buffer::with_capacity(text.len());
    characters.into_iter().for_each(|read| shuffled.push(read));
    Ok(Value::text(shuffled))
}

/// RFC 9562 §5.4.
fn uuid(random: &mut dyn CryptoRng) -> String {
    let mut bytes = [0; 16];
    random.fill_bytes(&mut bytes);
    let bits = u128::from_be_bytes(bytes);
    let bits = bits & !(0xf << 76) & !(0x3 << 62) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{bits:032x}");
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

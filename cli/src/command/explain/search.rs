//! Tries the keys on items, under the stated name first.

use sealing::{Item, OpenError, SealingKey};

use super::{
    object::Object,
    outcome::{Explained, Outcome},
    place::{Known, Place},
};

/// The private-key operations for other names in one run. More would take minutes.
const MAX_OPERATIONS: usize = 20_000;

/// A search for the place that each item is sealed for.
pub(super) struct Search<'a> {
    keys: &'a [SealingKey],
    /// The size of the certificate's key.
    certificate: Option<usize>,
    names: &'a Known,
    /// The place that the last item was sealed for, which the next one probably has.
    last: Option<Place>,
    left: usize,
    is_cut: bool,
}

impl<'a> Search<'a> {
    pub(super) fn new(
        keys: &'a [SealingKey],
        certificate: Option<usize>,
        names: &'a Known,
    ) -> Self {
        Self { keys, certificate, names, last: None, left: MAX_OPERATIONS, is_cut: false }
    }

    /// Whether some names were not tried, because there are too many.
    pub(super) fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// Explains the items of an object.
    pub(super) fn explain(&mut self, object: Object) -> Explained {
        let outcome = |item: &super::object::Item| match &item.text {
            Some(text) => self.outcome(&object.place, text),
            None => Outcome::NotText,
        };
        let outcomes = object.items.iter().map(outcome).collect();
        Explained { object, outcomes }
    }

    fn outcome(&mut self, own: &Place, text: &str) -> Outcome {
        let item = match Item::parse(text) {
            Ok(item) => item,
            Err(error) => return Outcome::Malformed(error),
        };
        if self.keys.is_empty() {
            return without_keys(item.modulus_bits(), self.certificate);
        }
        match sealing::open(&item, &own.label(), self.keys) {
            Ok(_) => Outcome::Opens,
            Err(OpenError::NoKeyOfThisSize { bits }) => {
                Outcome::OtherSize { bits, keys: self.key_sizes(), certificate: self.certificate }
            }
            Err(OpenError::NoKeyOpens { tried }) => {
                self.elsewhere(&item, own).map_or(Outcome::NoKey { tried }, Outcome::Elsewhere)
            }
        }
    }

    /// The first other place that opens the item.
    fn elsewhere(&mut self, item: &Item, own: &Place) -> Option<Place> {
        let opens = |place: &Place| sealing::open(item, &place.label(), self.keys).is_ok();
        if let Some(found) = own.in_each_scope().into_iter().skip(1).find(opens) {
            return Some(found);
        }
        let places = self.last.clone().into_iter().chain(self.names.places(own));
        for place in places {
            let Some(left) = self.left.checked_sub(self.keys.len()) else {
                self.is_cut = true;
                return None;
            };
            self.left = left;
            if sealing::open(item, &place.label(), self.keys).is_ok() {
                self.last = Some(place.clone());
                return Some(place);
            }
        }
        None
    }

    fn key_sizes(&self) -> Vec<usize> {
        let mut sizes: Vec<_> = self.keys.iter().map(SealingKey::modulus_bits).collect();
        sizes.sort_unstable();
        sizes.dedup();
        sizes
    }
}

/// The outcome from the size of the wrapped key.
fn without_keys(bits: usize, certificate: Option<usize>) -> Outcome {
    match certificate {
        Some(other) if other != bits => Outcome::OtherSize { bits, keys: Vec::new(), certificate },
        _ => Outcome::WellFormed { bits },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn size_is_compared_with_the_certificate() {
        assert_eq!(without_keys(2048, None), Outcome::WellFormed { bits: 2048 });
        assert_eq!(without_keys(2048, Some(2048)), Outcome::WellFormed { bits: 2048 });
        assert!(without_keys(2048, Some(4096)).is_failure());
    }
}

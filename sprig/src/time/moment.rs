//! Times with their zones.

use jiff::{Timestamp, Zoned, civil, tz::TimeZone};

use super::duration::Duration;

/// A point in time, and the zone in which it is shown.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Time {
    pub(crate) at: Timestamp,
    zone: Zone,
}

#[derive(Clone, Debug, PartialEq)]
enum Zone {
    /// UTC under another name: the zone of times without one.
    Local,
    /// From the database of zones.
    Known(TimeZone),
    /// An offset in seconds and its name, which may be empty.
    Fixed(i32, String),
}

impl Time {
    pub(crate) fn utc(at: Timestamp) -> Self {
        Self { at, zone: Zone::Known(TimeZone::UTC) }
    }

    pub(crate) fn local(at: Timestamp) -> Self {
        Self { at, zone: Zone::Local }
    }

    pub(crate) fn from_unix(seconds: i64) -> Option<Self> {
        Timestamp::from_second(seconds).ok().map(Self::local)
    }

    /// Go's zero time.
    pub(crate) fn zero() -> Self {
        Self::utc(Timestamp::from_second(-62_135_596_800).unwrap_or_default())
    }

    pub(super) fn fixed(at: Timestamp, offset: i32, name: &str) -> Self {
        Self { at, zone: Zone::Fixed(offset, name.to_owned()) }
    }

    /// The same moment in another zone, or in UTC if the name is unknown.
    pub(crate) fn in_zone(&self, name: &[u8]) -> Self {
        let name = str::from_utf8(name).unwrap_or_default();
        let zone = match name {
            "Local" => return Self::local(self.at),
            "" | "UTC" => TimeZone::UTC,
            // The database ignores case, but Go does not.
            name => ZONES
                .get(name)
                .ok()
                .filter(|zone| zone.iana_name() == Some(name))
                .unwrap_or(TimeZone::UTC),
        };
        Self { at: self.at, zone: Zone::Known(zone) }
    }

    pub(crate) fn add(&self, duration: Duration) -> Option<Self> {
        let span = jiff::SignedDuration::from_nanos(duration.0);
        Some(Self { at: self.at.checked_add(span).ok()?, zone: self.zone.clone() })
    }

    /// Seconds since 1970, rounded down.
    pub(crate) fn unix(&self) -> i64 {
        let nanoseconds = self.at.as_nanosecond().div_euclid(1_000_000_000);
        i64::try_from(nanoseconds).unwrap_or(i64::MAX)
    }

    /// The fields of Go's structure: the nanoseconds of the second, and the seconds since the year 1.
    pub(crate) fn since_year_one(&self) -> (u64, i64) {
        let nanoseconds = self.at.as_nanosecond().rem_euclid(1_000_000_000);
        (nanoseconds as u64, self.unix() - Self::zero().unix())
    }

    /// The time as Go source, which `%#v` prints.
    pub(crate) fn to_go_syntax(&self) -> String {
        let now = self.civil();
        let month = self.format("January");
        let zone = match &self.zone {
            Zone::Local => "time.Local".to_owned(),
            Zone::Known(zone) if *zone == TimeZone::UTC => "time.UTC".to_owned(),
            Zone::Known(zone) => location(zone.iana_name().unwrap_or_default()),
            Zone::Fixed(_, name) => location(name),
        };
        let (year, day) = (now.year(), now.day());
        let (hour, minute, second) = (now.hour(), now.minute(), now.second());
        let nanosecond = now.subsec_nanosecond();
        format!(
            "time.Date({year}, time.{month}, {day}, {hour}, {minute}, {second}, {nanosecond}, {zone})"
        )
    }

    /// The type and value of Go's pointer to the zone, as `fmt` prints them for unsuitable verbs.
    pub(crate) fn location(&self) -> &'static str {
        match self.zone {
            Zone::Local => "*time.Location=&{UTC [] []  0 0 <nil>}",
            _ => "*time.Location=<nil>",
        }
    }

    /// The time since `earlier`, limited to the range of a duration.
    pub(crate) fn since(&self, earlier: Timestamp) -> Duration {
        let nanoseconds = self.at.as_nanosecond() - earlier.as_nanosecond();
        let limit = if nanoseconds < 0 { i64::MIN } else { i64::MAX };
        Duration(i64::try_from(nanoseconds).unwrap_or(limit))
    }

    /// The offset from UTC in seconds, and the zone's short name.
    pub(super) fn offset(&self) -> (i32, String) {
        match &self.zone {
            Zone::Local => (0, "UTC".to_owned()),
            Zone::Fixed(offset, name) => (*offset, name.clone()),
            Zone::Known(zone) => {
                let info = zone.to_offset_info(self.at);
                (info.offset().seconds(), info.abbreviation().to_owned())
            }
        }
    }

    /// The date and time of day in its zone.
    pub(crate) fn civil(&self) -> civil::DateTime {
        let offset = jiff::tz::Offset::from_seconds(self.offset().0);
        let zone = offset.map_or(TimeZone::UTC, TimeZone::fixed);
        Zoned::new(self.at, zone).datetime()
    }
}

fn location(name: &str) -> String {
    format!("time.Location({name:?})")
}

/// The time zones bundled with the program, so that results do not depend on the machine.
static ZONES: std::sync::LazyLock<jiff::tz::TimeZoneDatabase> =
    std::sync::LazyLock::new(jiff::tz::TimeZoneDatabase::bundled);

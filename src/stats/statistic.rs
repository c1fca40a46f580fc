//! The description of one figure.

/// The behaviour of a figure over time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum StatisticKind {
    /// It only grows: from zero when the store was opened or the server started, of a server also
    /// from the last `CONFIG RESETSTAT`.
    Counter,
    /// It goes up and down.
    Gauge,
}

/// The unit of a figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum StatisticUnit {
    /// A number of things.
    Count,
    /// Bytes.
    Bytes,
    /// Seconds.
    Seconds,
    /// Microseconds.
    Microseconds,
    /// A number of things per second.
    PerSecond,
}

/// The description of one figure that a store or a server reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Statistic {
    /// The name.
    pub name: &'static str,
    /// The behaviour over time.
    pub kind: StatisticKind,
    /// The unit.
    pub unit: StatisticUnit,
    /// A description in one sentence.
    pub help: &'static str,
}

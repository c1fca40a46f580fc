//! The event loop of the load.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use rustix::buffer::spare_capacity;
use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::fd::OwnedFd;

use super::connection::Connection;
use super::wire::Protocol;
use super::{Arrivals, Load, Report};
use crate::Outcome;
use crate::data::Random;

/// The time that the last replies may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// The longest latency that is told from longer ones: a minute.
const NANOSECONDS_MAX: u64 = 60_000_000_000;

/// The number of digits of a latency that count.
const DIGITS: u8 = 3;

/// The number of events that one turn takes.
const EVENTS: usize = 256;

/// Connections that are ready to send a load.
pub struct Generator {
    load: Load,
    connections: Vec<Connection>,
    epoll: OwnedFd,
    random: Random,
    value: Vec<u8>,
    latency: Histogram<u64>,
    lateness: Histogram<u64>,
    operations: u64,
    /// The next key of a load of each key.
    next_key: u64,
}

impl Generator {
    /// Connects.
    pub fn connect(address: SocketAddr, protocol: Protocol, load: Load) -> Outcome<Self> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        let mut connections = Vec::with_capacity(load.connections);
        for token in 0..load.connections {
            let connection = Connection::open(address, protocol)?;
            let data = EventData::new_u64(u64::try_from(token)?);
            epoll::add(&epoll, connection.socket(), data, EventFlags::IN)?;
            connections.push(connection);
        }
        Ok(Self {
            load,
            connections,
            epoll,
            random: Random::new(load.seed),
            value: vec![0; load.value_bytes],
            latency: Histogram::new_with_bounds(1, NANOSECONDS_MAX, DIGITS)?,
            lateness: Histogram::new_with_bounds(1, NANOSECONDS_MAX, DIGITS)?,
            operations: 0,
            next_key: 0,
        })
    }

    /// Sends the load and waits for all replies.
    pub fn run(mut self) -> Outcome<Report> {
        let start = Instant::now();
        let end = start + Duration::from_secs_f64(self.load.seconds);
        let last = match self.load.arrivals {
            Arrivals::Closed { pipeline } | Arrivals::Each { pipeline } => {
                self.send_in_turn(pipeline, end)?
            }
            Arrivals::Open { per_second } => self.send_at_random(per_second, start, end)?,
        };
        Ok(Report {
            operations: self.operations,
            seconds: (last - start).as_secs_f64(),
            latency: self.latency,
            lateness: self.lateness,
        })
    }

    fn send_in_turn(&mut self, pipeline: usize, end: Instant) -> Outcome<Instant> {
        for token in 0..self.connections.len() {
            self.send_batch(token, pipeline)?;
        }
        let mut events = Vec::with_capacity(EVENTS);
        let mut waiting = self.connections.len();
        let patience = end + PATIENCE;
        let is_each = matches!(self.load.arrivals, Arrivals::Each { .. });
        let mut last = Instant::now();
        while waiting > 0 {
            self.wait(&mut events, Some(PATIENCE))?;
            let now = Instant::now();
            if now > patience && !is_each {
                return Err("the server does not answer".into());
            }
            for event in events.drain(..) {
                let token = self.serve(&event, now)?;
                if !self.connections[token].is_idle() {
                    continue;
                }
                last = now;
                let goes_on = if is_each { self.next_key < self.load.keys } else { now < end };
                match goes_on {
                    true => self.send_batch(token, pipeline)?,
                    false => waiting -= 1,
                }
            }
        }
        Ok(last)
    }

    fn send_batch(&mut self, token: usize, pipeline: usize) -> Outcome<()> {
        let now = Instant::now();
        for _ in 0..pipeline {
            let number = match self.load.arrivals {
                // The last batch goes round to the first keys.
                Arrivals::Each { .. } => self.next_key % self.load.keys,
                _ => self.random.below(self.load.keys),
            };
            self.next_key += 1;
            self.connections[token].queue(&self.load, number, &mut self.value, now)?;
        }
        self.flush(token)
    }

    fn send_at_random(
        &mut self,
        per_second: f64,
        start: Instant,
        end: Instant,
    ) -> Outcome<Instant> {
        let mut events = Vec::with_capacity(EVENTS);
        let mut arrival = start;
        let mut token = 0;
        let mut now = start;
        loop {
            while arrival <= now && arrival < end {
                self.lateness.saturating_record(nanoseconds(now - arrival));
                let number = self.random.below(self.load.keys);
                self.connections[token].queue(&self.load, number, &mut self.value, arrival)?;
                self.flush(token)?;
                token = (token + 1) % self.connections.len();
                // The gaps of a Poisson process are exponential.
                let gap = -(1.0 - self.random.fraction()).ln() / per_second;
                arrival += Duration::from_secs_f64(gap);
                now = Instant::now();
            }
            let is_over = arrival >= end;
            if is_over && self.connections.iter().all(Connection::is_idle) {
                return Ok(now);
            }
            if now > end + PATIENCE {
                return Err("the server does not answer".into());
            }
            let timeout = if is_over { PATIENCE } else { arrival.saturating_duration_since(now) };
            self.wait(&mut events, Some(timeout))?;
            now = Instant::now();
            for event in events.drain(..) {
                self.serve(&event, now)?;
            }
        }
    }

    /// Waits for sockets; the timeout is kept to the nanosecond where the system can.
    fn wait(&self, events: &mut Vec<Event>, timeout: Option<Duration>) -> Outcome<()> {
        let timeout = timeout.map(Timespec::try_from).transpose()?;
        match epoll::wait(&self.epoll, spare_capacity(events), timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn serve(&mut self, event: &Event, now: Instant) -> Outcome<usize> {
        let (flags, data) = (event.flags, event.data);
        let token = usize::try_from(data.u64())?;
        if flags.contains(EventFlags::OUT) {
            self.flush(token)?;
        }
        let connection = &mut self.connections[token];
        connection.receive(&self.load, |arrived| {
            self.operations += 1;
            self.latency.saturating_record(nanoseconds(now - arrived));
        })?;
        Ok(token)
    }

    /// Sends, and asks to be told of room if there is not enough.
    fn flush(&mut self, token: usize) -> Outcome<()> {
        let connection = &mut self.connections[token];
        let is_done = connection.flush()?;
        if is_done && !connection.wants_room {
            return Ok(());
        }
        connection.wants_room = !is_done;
        let flags = if is_done { EventFlags::IN } else { EventFlags::IN | EventFlags::OUT };
        let data = EventData::new_u64(u64::try_from(token)?);
        epoll::modify(&self.epoll, connection.socket(), data, flags)?;
        Ok(())
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

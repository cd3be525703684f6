//! What a run costs this process: time, processor time, allocations.

use rustix::time::{ClockId, clock_gettime};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use std::alloc::System;
use std::time::Instant;

/// Counts the allocations of the program: of the host and of what is linked into it. A plugin that is loaded from a
/// file has its own Rust allocator, or calls the one of C, and is not seen here.
#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// A measurement that is under way.
pub(crate) struct Gauge {
    begun: Instant,
    cpu_begun_ns: u64,
    allocations: Region<'static, System>,
}

/// What something cost.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cost {
    pub(crate) elapsed_ns: u64,
    /// Of all threads of the process together.
    pub(crate) cpu_ns: u64,
    pub(crate) allocations: u64,
    pub(crate) allocated_bytes: u64,
}

impl Gauge {
    /// Begins to measure.
    pub(crate) fn begin() -> Self {
        Self { begun: Instant::now(), cpu_begun_ns: cpu_ns(), allocations: Region::new(ALLOCATOR) }
    }

    /// What it cost since then.
    pub(crate) fn cost(&self) -> Cost {
        let allocations = self.allocations.change();
        Cost {
            elapsed_ns: u64::try_from(self.begun.elapsed().as_nanos()).unwrap_or(u64::MAX),
            cpu_ns: cpu_ns().saturating_sub(self.cpu_begun_ns),
            allocations: (allocations.allocations + allocations.reallocations) as u64,
            allocated_bytes: allocations.bytes_allocated as u64,
        }
    }
}

fn cpu_ns() -> u64 {
    let now = clock_gettime(ClockId::ProcessCPUTime);
    now.tv_sec.unsigned_abs() * 1_000_000_000 + now.tv_nsec.unsigned_abs()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::hint::black_box;

    #[test]
    fn gauge_counts_what_is_allocated_meanwhile() {
        let gauge = Gauge::begin();
        drop(black_box(vec![1_u8; 4096]));
        let cost = gauge.cost();
        assert!(cost.allocations >= 1 && cost.allocated_bytes >= 4096, "{cost:?}");
    }
}

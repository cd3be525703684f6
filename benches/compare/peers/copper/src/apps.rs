//! One compiled graph in each module, and what runs it.

use compare_common::Meter;
use cu29::prelude::*;
use std::path::Path;

/// What its log may take at once; nothing is written into it but its header.
const LOG_BYTES: usize = 8 << 20;

macro_rules! app {
    ($name:ident, $file:literal) => {
        mod $name {
            use super::*;

            #[copper_runtime(config = $file)]
            struct App {}

            pub(super) fn run(packets: u64, log: &Path, meter: &mut Meter) -> CuResult<()> {
                let app = App::builder().with_log_path(log, Some(LOG_BYTES))?.build()?;
                meter.begin();
                let mut running = app.start()?;
                meter.is_running();
                for _ in 0..packets {
                    running.run_one_iteration()?;
                }
                drop(running.stop()?);
                meter.end();
                Ok(())
            }
        }

        pub(crate) fn $name(packets: u64, log: &Path, meter: &mut Meter) -> CuResult<()> {
            $name::run(packets, log, meter)
        }
    };
}

app!(chain1, "chain1.ron");
app!(chain8, "chain8.ron");
app!(chain32, "chain32.ron");
app!(caterpillar, "caterpillar.ron");

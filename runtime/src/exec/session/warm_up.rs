//! What is made before the nodes, for what it loads.

use super::{SessionOptions, StartError};
use crate::exec::instance::Factories;
use crate::exec::single::{InstanceHandle, InstanceOptions, Shape};
use crate::graph::{Graph, WarmUp};
use std::thread;

/// Makes every instance of the list, side by side, and gives those that keep them. The first failure is told, after all
/// have been tried.
pub(super) fn make(
    graph: &Graph,
    factories: &dyn Factories,
    options: &SessionOptions,
) -> Result<Vec<InstanceHandle>, StartError> {
    let plans = graph.warm_ups().iter().map(|warm_up| plan(warm_up, factories, options));
    let plans = plans.collect::<Result<Vec<_>, _>>()?;
    thread::scope(|scope| {
        let making: Vec<_> = plans.into_iter().map(|plan| scope.spawn(plan)).collect();
        let made: Vec<_> = making.into_iter().filter_map(|making| making.join().ok()).collect();
        made.into_iter().collect()
    })
}

/// How one of them is made, on whatever thread.
fn plan<'a>(
    warm_up: &'a WarmUp,
    factories: &dyn Factories,
    options: &'a SessionOptions,
) -> Result<impl FnOnce() -> Result<InstanceHandle, StartError> + Send + 'a, StartError> {
    let kind = warm_up.kind();
    let unknown = || StartError::UnknownKind { node: kind.id.clone(), kind: kind.id.clone() };
    let factory = factories.factory(&kind.id).ok_or_else(unknown)?;
    let shape = Shape::of(kind);
    Ok(move || {
        let within = InstanceOptions { create_timeout: warm_up.create_timeout(), ..InstanceOptions::default() };
        let source = (warm_up.params().to_string(), options.clock.clone());
        InstanceHandle::start(&kind.id, (factory, kind.plugin.file.clone(), shape), source, within)
    })
}

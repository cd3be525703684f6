//! Checked calls into an instance: from `create` to `destroy`, all on one thread.
//!
//! An instance is owned from the moment its handle exists. What a function answers is compared with what the ABI
//! allows it to answer; an instance that panicked or broke the contract is not called again but for `destroy`.

mod handle;
mod status;

use self::handle::Handle;
use self::status::check_flow;
pub(super) use self::status::{fault_of, message_of};
use super::attribution::Attribution;
use super::host::{Home, HostContext, during_emitting_call, size_of_u32};
use super::import::{Functions, ImportedClass, PinsFn};
use super::pool;
use crate::exec::{Factory, Fault, FaultClass, Hint, HintAnswer, Instance, NextTick, NodeContext, Operation, Outputs};
use crate::graph::Role;
use crate::resource::Resources;
use graphmill_abi::layout::*;
use graphmill_abi::{ErrorSlot, Packet};
use std::path::PathBuf;
use std::ptr;
use std::sync::Arc;

/// How long a source waits for its next tick when it has nothing and names no time: it must not spin.
const AGAIN_DELAY_NS: i64 = 1_000_000;

/// Makes instances of one kind of a plugin.
#[derive(Debug)]
pub(super) struct PluginFactory {
    class: ImportedClass,
    file: Option<PathBuf>,
    /// Number of the plugin in this process.
    plugin: u64,
    resources: Resources,
}

impl PluginFactory {
    /// A factory with resources of its own, for a plugin with this number.
    pub(super) fn new(class: ImportedClass, plugin: u64) -> Self {
        Self { class, file: None, plugin, resources: Resources::new() }
    }

    /// The same one for instances that share the resources of a runtime.
    pub(super) fn with_resources(&self, resources: &Resources) -> Self {
        let (class, file) = (self.class.clone(), self.file.clone());
        Self { class, file, plugin: self.plugin, resources: resources.clone() }
    }

    /// Names the file that the kind comes from, for the line about a crash.
    pub(super) fn of_file(self, file: Option<PathBuf>) -> Self {
        Self { file, ..self }
    }

    /// Id of the kind.
    pub(super) fn kind(&self) -> &str {
        &self.class.id
    }

    /// The function that tells the pins, with the file that it comes from; `None` where they do not depend on params.
    pub(super) fn pins(&self) -> Option<(PinsFn, Option<PathBuf>)> {
        Some((self.class.functions.pins?, self.file.clone()))
    }
}

impl Factory for PluginFactory {
    fn has_timer(&self) -> bool {
        self.class.role == Role::Processor && self.class.functions.tick.is_some()
    }

    fn create(&self, context: &Arc<NodeContext>, params: &str) -> Result<Box<dyn Instance>, Fault> {
        let host = HostContext::for_node(Arc::clone(context), Home::new(&self.resources, self.plugin));
        let attribution = Attribution::of_node(context.node(), context.kind(), self.file.as_deref());
        let created = create(&self.class.functions, attribution, &host, context.instance_id(), params);
        match created {
            Ok(handle) => Ok(Box::new(PluginInstance {
                handle,
                functions: self.class.functions,
                host,
                error: ErrorSlot::zeroed(),
                packet: Box::default(),
                dead: None,
                _user: pool::User::new(),
            })),
            Err(fault) => {
                host.close();
                Err(fault)
            }
        }
    }
}

/// Calls `create` and takes over what it makes.
fn create(
    functions: &Functions,
    attribution: Attribution,
    host: &Arc<HostContext>,
    instance_id: u64,
    params: &str,
) -> Result<Handle, Fault> {
    let raw_host = HostContext::as_host(host);
    let info = gm_create_info {
        struct_size: size_of_u32::<gm_create_info>(),
        flags: 0,
        instance_id,
        params_json: gm_str::new(params),
    };
    let mut node = ptr::null_mut();
    let mut error = ErrorSlot::zeroed();
    let (made, fault) = (&raw mut node, error.as_raw());
    // SAFETY: every pointer lives as long as the call; this thread owns what is made.
    let call = || unsafe { (functions.create)(&raw const raw_host, &raw const info, made, fault) };
    let status = attribution.during(Operation::Create, call);
    // From here on nothing can fail without the guard knowing of the instance.
    // SAFETY: what `create` stored belongs to us, and `destroy` is the function of the same class.
    match (status, unsafe { Handle::new(node, functions.destroy, host, attribution) }) {
        (GM_OK, Some(handle)) => Ok(handle),
        (GM_OK, None) => Err(contract("`create` reports success and gives no instance".to_owned())),
        (status, Some(handle)) => {
            handle.leak();
            let reason = fault_of(status, &mut error, Operation::Create).message;
            Err(contract(format!(
                "`create` reports an error and gives an instance all the same, which is left alone: {reason}"
            )))
        }
        (status, None) => Err(fault_of(status, &mut error, Operation::Create)),
    }
}

fn contract(message: String) -> Fault {
    Fault::new(FaultClass::Contract, message)
}

/// One live instance of a plugin.
struct PluginInstance {
    handle: Handle,
    functions: Functions,
    host: Arc<HostContext>,
    /// Place for the error of a call. Every byte is initialised, because a plugin may claim a message that it did not
    /// write; kept from call to call, because initialising it costs more than the call.
    error: ErrorSlot,
    /// The place for a packet that it emits.
    packet: Box<Packet>,
    /// Why it is not called any more.
    dead: Option<FaultClass>,
    /// While there are instances the pool keeps large buffers. Last, as `destroy` may still release some.
    _user: pool::User,
}

impl PluginInstance {
    /// Makes a call that may not emit.
    fn call_quietly(
        &mut self,
        operation: Operation,
        body: impl FnOnce(*mut gm_node, *mut gm_error) -> gm_status,
    ) -> Result<gm_status, Fault> {
        self.check_callable(operation)?;
        self.error.reset();
        let (node, error) = (self.handle.node(), self.error.as_raw());
        let status = self.handle.during(operation, || body(node, error));
        if status == GM_OK || check_flow(operation, status) {
            return Ok(status);
        }
        Err(self.failed(status, operation))
    }

    /// Makes a call that may emit.
    fn call(
        &mut self,
        operation: Operation,
        outputs: &mut dyn Outputs,
        body: impl FnOnce(*mut gm_node, *mut gm_error) -> gm_status,
    ) -> Result<gm_status, Fault> {
        self.check_callable(operation)?;
        self.error.reset();
        let (node, error) = (self.handle.node(), self.error.as_raw());
        let call = || self.handle.during(operation, || body(node, error));
        let status = during_emitting_call(&self.host, (outputs, &mut self.packet), call);
        // Flow is for sources; for everybody else it is as wrong as any other number.
        if status == GM_OK || check_flow(operation, status) {
            return Ok(status);
        }
        Err(self.failed(status, operation))
    }

    fn check_callable(&self, operation: Operation) -> Result<(), Fault> {
        if let Some(class) = self.dead {
            let name = operation.name();
            let message =
                format!("`{name}` is not called: the instance can only be destroyed after a {}", class.name());
            return Err(Fault::new(class, message));
        }
        if !self.host.is_owned_here() {
            debug_assert!(false, "an instance is called on the thread that created it");
            let name = operation.name();
            return Err(contract(format!("`{name}` is not called: this thread does not own the instance")));
        }
        Ok(())
    }

    #[cold]
    fn failed(&mut self, status: gm_status, operation: Operation) -> Fault {
        // The next call gets a clean slot: it must not tell this text again.
        let mut error = std::mem::replace(&mut self.error, ErrorSlot::zeroed());
        let fault = fault_of(status, &mut error, operation);
        if !fault.class.is_survivable() {
            self.dead = Some(fault.class);
        }
        fault
    }
}

impl Instance for PluginInstance {
    fn start(&mut self) -> Result<(), Fault> {
        let Some(start) = self.functions.start else { return Ok(()) };
        // SAFETY: the instance is alive, owned by this thread and not being called; the error is prepared.
        self.call_quietly(Operation::Start, |node, error| unsafe { start(node, error) }).map(drop)
    }

    fn tick(&mut self, now_ns: i64, outputs: &mut dyn Outputs) -> Result<NextTick, Fault> {
        let Some(tick) = self.functions.tick else { return Err(lacks("tick")) };
        let mut info =
            gm_tick_info { struct_size: size_of_u32::<gm_tick_info>(), flags: 0, now_ns, next_ns: GM_TIME_UNKNOWN };
        let raw = &raw mut info;
        // SAFETY: as in `start`; the info lives as long as the call.
        let status = self.call(Operation::Tick, outputs, |node, error| unsafe { tick(node, raw, error) })?;
        // SAFETY: the info is ours, and the plugin may only use it during the call.
        let next_ns = unsafe { (*raw).next_ns };
        Ok(match (status, next_ns) {
            (GM_EOS, _) => NextTick::Ended,
            (_, i64::MAX) => NextTick::OnWake,
            (GM_AGAIN, GM_TIME_UNKNOWN) => NextTick::At(now_ns.saturating_add(AGAIN_DELAY_NS)),
            (_, GM_TIME_UNKNOWN) => NextTick::Now,
            (_, at_ns) => NextTick::At(at_ns),
        })
    }

    fn process(&mut self, pin: usize, packet: &mut Packet, outputs: &mut dyn Outputs) -> Result<(), Fault> {
        let Some(process) = self.functions.process else { return Err(lacks("process")) };
        let pin = pin_number(pin)?;
        let raw = packet.as_raw_mut();
        // SAFETY: as in `start`; the packet is borrowed exclusively and left alone during the call.
        self.call(Operation::Process, outputs, |node, error| unsafe { process(node, pin, raw, error) }).map(drop)
    }

    fn flush(&mut self, pin: usize, outputs: &mut dyn Outputs) -> Result<(), Fault> {
        let Some(flush) = self.functions.flush else { return Ok(()) };
        let pin = pin_number(pin)?;
        // SAFETY: as in `start`.
        self.call(Operation::Flush, outputs, |node, error| unsafe { flush(node, pin, GM_FLUSH_EOS, error) }).map(drop)
    }

    fn update(&mut self, params: &str) -> Result<(), Fault> {
        let Some(update) = self.functions.update else {
            return Err(Fault::new(FaultClass::Error, "params of this kind cannot change while it runs"));
        };
        let params = gm_str::new(params);
        // SAFETY: as in `start`; the text is borrowed for the call.
        self.call_quietly(Operation::Update, |node, error| unsafe { update(node, params, error) }).map(drop)
    }

    fn hint(&mut self, hint: &Hint) -> Result<HintAnswer, Fault> {
        let Some(function) = self.functions.hint else { return Ok(HintAnswer::Pass) };
        let pin = pin_number(hint.pin)?;
        let (name, json) = (gm_str::new(hint.content.name()), gm_str::new(hint.content.json()));
        // SAFETY: as in `start`; the texts are borrowed for the call.
        let body = |node, error| unsafe { function(node, pin, name, json, error) };
        let status = self.call_quietly(Operation::Hint, body)?;
        Ok(if status == GM_PASS { HintAnswer::Pass } else { HintAnswer::Taken })
    }

    fn stop(&mut self) -> Result<(), Fault> {
        let Some(stop) = self.functions.stop else { return Ok(()) };
        // SAFETY: as in `start`.
        self.call_quietly(Operation::Stop, |node, error| unsafe { stop(node, error) }).map(drop)
    }
}

fn lacks(function: &'static str) -> Fault {
    contract(format!("a kind of this role has no `{function}`"))
}

fn pin_number(pin: usize) -> Result<u32, Fault> {
    u32::try_from(pin).map_err(|_| contract(format!("pin {pin} does not fit the ABI")))
}

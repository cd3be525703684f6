//! What a node can ask of the host.

use crate::error::{Error, Result};
use crate::export::host::HostRef;
use crate::export::resource::{Resource, SharedBuffer};
use crate::logger::Logger;
use crate::resource::ResourceKey;
use graphmill_abi::layout::GM_EMIT_NONBLOCK;
use graphmill_abi::{AudioHeader, Buffer, Packet, PacketError, Sample};
use serde::Serialize;
use std::borrow::BorrowMut;

/// The host while an instance is made.
#[derive(Debug)]
pub struct CreateContext<'a> {
    host: &'a HostRef,
    instance_id: u64,
}

impl<'a> CreateContext<'a> {
    pub(crate) fn new(host: &'a HostRef, instance_id: u64) -> Self {
        Self { host, instance_id }
    }

    /// Number of this instance in the process.
    pub fn instance_id(&self) -> u64 {
        self.instance_id
    }

    /// A logger that works on every thread and even after the instance is gone.
    pub fn logger(&self) -> Logger {
        Logger::new(self.host.clone())
    }

    /// Asks for a tick from any thread; for sources that wait for something outside, and for processors that want to be
    /// called at a time although no packet comes.
    pub fn waker(&self) -> Waker {
        Waker(self.host.clone())
    }

    /// Gives hints to the nodes upstream, from any thread.
    pub fn hint_sender(&self) -> HintSender {
        HintSender(self.host.clone())
    }

    /// Something heavy that is loaded once, however many instances, nodes and sessions ask for it by its key.
    ///
    /// Gives what another node of this plugin has loaded, waits while one is loading it, or calls `load`, here and
    /// without any lock. The key names what is really loaded (digest, device); the nodes of one plugin share it.
    /// What somebody holds stays; what nobody holds stays until the host needs the room. The value is dropped on a
    /// thread of the host.
    ///
    /// ```
    /// use graphmill_plugin_sdk::prelude::*;
    ///
    /// struct Model(Vec<u8>);
    ///
    /// # #[derive(Deserialize, JsonSchema)]
    /// # struct Params { path: String }
    /// # struct Speech { model: Resource<Model> }
    /// # impl Node for Speech {
    /// # type Params = Params;
    /// # fn kind() -> Kind { Kind::new("speech") }
    /// fn create(params: Params, cx: &mut CreateContext<'_>) -> Result<Self> {
    ///     let bytes = std::fs::metadata(&params.path)?.len();
    ///     let key = format!("{} cpu", params.path);
    ///     let model = cx.resource(ResourceKey::new(&key).bytes(bytes), || Ok(Model(std::fs::read(&params.path)?)))?;
    ///     Ok(Self { model })
    /// }
    /// # }
    /// ```
    ///
    /// # Errors
    /// The load fails, here or where this call waited for it, and is tried again by the next one who asks. The wait
    /// reaches its deadline, the session stops, the key is that of another type or being loaded by this very call, or
    /// the host's budget has no room.
    ///
    /// # Panics
    /// When `load` does; those who wait get an error.
    pub fn resource<'k, T: Send + Sync + 'static>(
        &mut self,
        key: impl Into<ResourceKey<'k>>,
        load: impl FnOnce() -> Result<T>,
    ) -> Result<Resource<T>> {
        Resource::get(self.host, key.into(), load)
    }

    /// As [`CreateContext::resource`], for what turns out only by loading how many bytes it takes in memory: `load` gives
    /// the value and these. The bytes of the key are what is looked at before the load.
    ///
    /// # Errors
    /// As for [`CreateContext::resource`]; the host may have no room for what it turned out to be.
    ///
    /// # Panics
    /// As for [`CreateContext::resource`].
    pub fn sized_resource<'k, T: Send + Sync + 'static>(
        &mut self,
        key: impl Into<ResourceKey<'k>>,
        load: impl FnOnce() -> Result<(T, u64)>,
    ) -> Result<Resource<T>> {
        Resource::get_sized(self.host, key.into(), load)
    }

    /// As [`CreateContext::resource`], for plain bytes such as mapped weights, which nodes of every plugin find under the same key.
    ///
    /// # Errors
    /// As for [`CreateContext::resource`].
    ///
    /// # Panics
    /// As for [`CreateContext::resource`].
    pub fn shared_buffer<'k>(
        &mut self,
        key: impl Into<ResourceKey<'k>>,
        load: impl FnOnce() -> Result<Buffer>,
    ) -> Result<SharedBuffer> {
        SharedBuffer::get(self.host, key.into(), load)
    }

    /// Whether the host wants the call to end soon; ask in long loops.
    pub fn is_cancelled(&self) -> bool {
        self.host.is_cancelled()
    }

    /// Monotonic time in nanoseconds.
    pub fn now_ns(&self) -> i64 {
        self.host.now_ns()
    }
}

/// The host during a call.
#[derive(Debug)]
pub struct Context<'a> {
    host: &'a HostRef,
}

impl<'a> Context<'a> {
    pub(crate) fn new(host: &'a HostRef) -> Self {
        Self { host }
    }

    /// Hands a packet to the links of the output with number `pin`; it leaves at once, not at the end of the call.
    ///
    /// Blocks while a link of policy `block` is full, up to its send timeout. Takes a `Packet` or a `&mut Packet`,
    /// which is left empty.
    ///
    /// # Errors
    /// The packet is not of the pin's format, the link failed or timed out, or the session is stopping.
    pub fn emit(&mut self, pin: usize, mut packet: impl BorrowMut<Packet>) -> Result<()> {
        self.host.emit(pin, 0, packet.borrow_mut())
    }

    /// Like [`Context::emit`], but never waits: `Ok(false)` means that the packet is still there because a link is full.
    ///
    /// # Errors
    /// As for [`Context::emit`].
    pub fn try_emit(&mut self, pin: usize, packet: &mut Packet) -> Result<bool> {
        match self.host.emit(pin, GM_EMIT_NONBLOCK, packet) {
            Ok(()) => Ok(true),
            Err(error) if error.status() == graphmill_abi::layout::GM_E_WOULDBLOCK => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// A writable buffer of `len` bytes from the host's pool; its content is arbitrary.
    ///
    /// # Errors
    /// The host has no memory left.
    pub fn buffer(&mut self, len: usize) -> Result<Buffer> {
        self.host.buffer(len)
    }

    /// An audio packet on a pooled buffer; the samples are arbitrary until they are written.
    ///
    /// # Errors
    /// The host has no memory left, or the header is impossible.
    pub fn audio(&mut self, header: AudioHeader) -> Result<Packet> {
        let len = usize::try_from(header.byte_len()).map_err(Error::invalid)?;
        let buffer = self.buffer(len)?;
        Ok(Packet::from_audio(header, buffer)?)
    }

    /// The samples of a packet for writing: in place when nobody else holds the bytes, else on a pooled copy.
    ///
    /// # Errors
    /// The packet is of another kind or sample type, or the host has no memory left.
    pub fn samples_mut<'p, T: Sample>(&mut self, packet: &'p mut Packet) -> Result<&'p mut [T]> {
        self.make_writable(packet, 0)?;
        Ok(packet.samples_mut()?)
    }

    /// Makes a plane writable: nothing to do when nobody else holds the bytes, else copies it to a pooled buffer.
    ///
    /// # Errors
    /// The packet has no such plane, or the host has no memory left.
    pub fn make_writable(&mut self, packet: &mut Packet, plane: usize) -> Result<()> {
        if packet.plane_mut(plane).is_some() {
            return Ok(());
        }
        let Some(bytes) = packet.plane(plane) else {
            return if packet.n_planes() == 0 { Ok(()) } else { Err(Error::invalid("packet has no such plane")) };
        };
        let len = u32::try_from(bytes.len()).map_err(Error::invalid)?;
        let mut copy = self.host.buffer(bytes.len())?;
        copy.as_mut_slice()
            .and_then(|target| target.get_mut(..bytes.len()))
            .ok_or(PacketError::Shared)?
            .copy_from_slice(bytes);
        Ok(packet.set_plane(plane, copy, len)?)
    }

    /// An event packet with `content` as JSON. Allocates: events are rare.
    ///
    /// # Errors
    /// The content cannot be written as JSON, or the name is longer than 80 bytes.
    pub fn event(&mut self, name: &str, version: u32, content: &impl Serialize) -> Result<Packet> {
        let json = serde_json::to_vec(content)?;
        Ok(Packet::from_event(name, version, Buffer::copy_from_slice(&json))?)
    }

    /// As [`CreateContext::resource`], in a call: mind the deadline of that call.
    ///
    /// # Errors
    /// As for [`CreateContext::resource`].
    ///
    /// # Panics
    /// As for [`CreateContext::resource`].
    pub fn resource<'k, T: Send + Sync + 'static>(
        &mut self,
        key: impl Into<ResourceKey<'k>>,
        load: impl FnOnce() -> Result<T>,
    ) -> Result<Resource<T>> {
        Resource::get(self.host, key.into(), load)
    }

    /// As [`CreateContext::shared_buffer`], in a call: mind the deadline of that call.
    ///
    /// # Errors
    /// As for [`CreateContext::resource`].
    ///
    /// # Panics
    /// As for [`CreateContext::resource`].
    pub fn shared_buffer<'k>(
        &mut self,
        key: impl Into<ResourceKey<'k>>,
        load: impl FnOnce() -> Result<Buffer>,
    ) -> Result<SharedBuffer> {
        SharedBuffer::get(self.host, key.into(), load)
    }

    /// Tells the nodes upstream of the input with number `pin` something, with `content` as JSON; see [`crate::Hint`].
    ///
    /// Never waits. Allocates: hints are rare.
    ///
    /// # Errors
    /// There is no such input, the name is longer than 80 bytes, or the content cannot be written in 4 KiB of JSON.
    pub fn hint(&mut self, pin: usize, name: &str, content: &impl Serialize) -> Result<()> {
        self.host.hint(pin, name, &serde_json::to_string(content)?)
    }

    /// A text packet. Allocates.
    ///
    /// # Errors
    /// The text is longer than 4 GiB.
    pub fn text(&mut self, text: &str) -> Result<Packet> {
        Ok(Packet::from_text(text)?)
    }

    /// Whether the session is stopping; ask in calls that take longer than a few milliseconds.
    pub fn is_cancelled(&self) -> bool {
        self.host.is_cancelled()
    }

    /// Monotonic time in nanoseconds.
    pub fn now_ns(&self) -> i64 {
        self.host.now_ns()
    }

    /// Nanoseconds since the session started.
    pub fn session_ns(&self) -> i64 {
        self.host.session_ns()
    }

    /// A logger that works on every thread and even after the instance is gone.
    pub fn logger(&self) -> Logger {
        Logger::new(self.host.clone())
    }
}

/// Gives hints to the nodes upstream, from any thread; after the instance is gone they are refused.
#[derive(Debug, Clone)]
pub struct HintSender(HostRef);

impl HintSender {
    /// As [`Context::hint`].
    ///
    /// # Errors
    /// As for [`Context::hint`], and the instance is gone.
    pub fn hint(&self, pin: usize, name: &str, content: &impl Serialize) -> Result<()> {
        self.0.hint(pin, name, &serde_json::to_string(content)?)
    }
}

/// Asks for a tick of its source, from any thread, also after the instance is gone.
#[derive(Debug, Clone)]
pub struct Waker(HostRef);

impl Waker {
    /// The source is ticked as soon as possible; several calls before that count as one.
    pub fn wake(&self) {
        self.0.wake();
    }
}

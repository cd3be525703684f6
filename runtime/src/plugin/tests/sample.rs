//! The sample plugin.

use super::resources::Loader;
use graphmill_plugin_sdk::prelude::*;
use graphmill_plugin_sdk::{HintSender, Logger, Waker};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct GainParams {
    /// Factor that every sample is multiplied by.
    factor: f32,
}

struct Gain(f32);

impl Node for Gain {
    type Params = GainParams;

    fn kind() -> Kind {
        Kind::new("sample.gain").input("in", "audio f32").output("out", "audio f32")
    }

    fn create(params: GainParams, _cx: &mut CreateContext<'_>) -> Result<Self> {
        Ok(Self(params.factor))
    }

    fn update(&mut self, params: GainParams, _cx: &mut Context<'_>) -> Result<()> {
        self.0 = params.factor;
        Ok(())
    }

    fn hint(&mut self, hint: &Hint<'_>, _cx: &mut Context<'_>) -> Result<HintAnswer> {
        if hint.name() != "gain.factor" || hint.pin() != 0 {
            return Ok(HintAnswer::Pass);
        }
        self.0 = hint.content()?;
        Ok(HintAnswer::Taken)
    }
}

impl Processor for Gain {
    fn process(&mut self, pin: usize, packet: &mut Packet, cx: &mut Context<'_>) -> Result<()> {
        cx.samples_mut::<f32>(packet)?.iter_mut().for_each(|sample| *sample *= self.0);
        cx.emit(pin, packet)
    }
}

/// What a [`Scripted`] node does in every call.
#[derive(Deserialize, JsonSchema, Clone, Copy, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Act {
    FailCreate,
    PanicCreate,
    Panic,
    Fail,
    TryEmit,
    EmitTwice,
    EmitOwned,
    EmitFromAnotherThread,
    EmitInUpdate,
    Log,
    LogLater,
    Wake,
    Hint,
    HintLater,
    Buffers,
    Nothing,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ScriptedParams {
    act: Act,
}

struct Scripted {
    act: Act,
    logger: Logger,
    waker: Waker,
    hints: HintSender,
}

impl Node for Scripted {
    type Params = ScriptedParams;

    fn kind() -> Kind {
        Kind::new("sample.scripted").input("in", "any").output("out", "any")
    }

    fn create(params: ScriptedParams, cx: &mut CreateContext<'_>) -> Result<Self> {
        match params.act {
            Act::FailCreate => Err(Error::io("no such model; fetch it first")),
            Act::PanicCreate => panic!("on purpose"),
            act => Ok(Self { act, logger: cx.logger(), waker: cx.waker(), hints: cx.hint_sender() }),
        }
    }

    fn start(&mut self, cx: &mut Context<'_>) -> Result<()> {
        if self.act == Act::EmitInUpdate { cx.emit(0, Packet::from_text("too early")?) } else { Ok(()) }
    }
}

impl Processor for Scripted {
    fn process(&mut self, _pin: usize, packet: &mut Packet, cx: &mut Context<'_>) -> Result<()> {
        match self.act {
            Act::Panic => panic!("on purpose"),
            Act::Fail => return Err(Error::invalid("packet is too old")),
            Act::TryEmit => {
                let seq = packet.seq();
                let is_taken = cx.try_emit(0, packet)?;
                assert_eq!((is_taken, is_taken), (packet.is_empty(), packet.n_planes() == 0));
                assert_eq!(packet.seq(), seq);
            }
            Act::EmitTwice => {
                cx.emit(0, packet.clone())?;
                cx.emit(0, packet)?;
            }
            Act::EmitOwned => {
                let owned = Buffer::from_owner(vec![1_u8, 2, 3]);
                let mut owned = Packet::from_bytes("application/octet-stream", owned)?;
                if let Err(error) = cx.emit(0, &mut owned) {
                    assert_eq!(owned.plane(0), Some(&[1, 2, 3][..]), "a refused packet stays as it was");
                    return Err(error);
                }
                assert!(owned.is_empty() && owned.n_planes() == 0, "what was taken is gone");
            }
            Act::EmitFromAnotherThread => {
                let packet = packet.take();
                // The context is borrowed for the call; the thread ends within it.
                return std::thread::scope(|scope| {
                    let cx = &mut *cx;
                    scope.spawn(move || cx.emit(0, packet)).join().unwrap_or_else(|_| panic!("the thread panicked"))
                });
            }
            Act::Log => self.logger.log(graphmill_plugin_sdk::Level::Info, "nul\0inside"),
            Act::LogLater => {
                let logger = self.logger.clone();
                super::services::later(move || logger.log(graphmill_plugin_sdk::Level::Warn, "after destroy"));
            }
            Act::Wake => self.waker.wake(),
            Act::Hint => cx.hint(0, "gain.factor", &0.5)?,
            Act::HintLater => {
                let hints = self.hints.clone();
                super::services::later(move || {
                    let error = hints.hint(0, "gain.factor", &0.5).unwrap_err();
                    assert_eq!(error.to_string(), "the instance is gone");
                });
            }
            Act::Buffers => {
                let mut buffer = cx.buffer(1000)?;
                assert_eq!(buffer.as_mut_slice().map(|bytes| bytes.len()), Some(1000));
            }
            _ => (),
        }
        Ok(())
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct CountParams {
    until: u64,
}

struct Count {
    next: u64,
    until: u64,
}

impl Node for Count {
    type Params = CountParams;

    fn kind() -> Kind {
        Kind::new("sample.count").output("out", "text")
    }

    fn create(params: CountParams, _cx: &mut CreateContext<'_>) -> Result<Self> {
        Ok(Self { next: 0, until: params.until })
    }
}

impl Source for Count {
    fn tick(&mut self, cx: &mut Context<'_>) -> Result<Tick> {
        let mut packet = cx.text(&self.next.to_string())?;
        packet.set_seq(self.next);
        cx.emit(0, packet)?;
        self.next += 1;
        Ok(match self.next {
            next if next == self.until => Tick::End,
            1 => Tick::At(cx.now_ns() + 5),
            2 => Tick::OnWake,
            _ => Tick::Again,
        })
    }
}

/// What an [`Adder`] answers when it is asked for its pins.
#[derive(Deserialize, JsonSchema, Clone, Copy, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Told {
    Pins,
    Twins,
    Nothing,
    Refusal,
    Panic,
    Hang,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct AdderParams {
    /// Inputs of the node.
    #[schemars(range(min = 1, max = 8))]
    inputs: usize,
    told: Told,
}

/// Adds as many streams as its params say.
struct Adder;

impl Node for Adder {
    type Params = AdderParams;

    fn kind() -> Kind {
        Kind::new("sample.adder").input("term1", "tensor").output("sum", "tensor").pins_by_params()
    }

    fn pins(params: &AdderParams) -> Result<Pins> {
        let names = (1..=params.inputs).map(|number| match params.told {
            Told::Twins => "twin".to_owned(),
            _ => format!("term{number}"),
        });
        let pins =
            names.fold(Pins::new().output("sum", "tensor f32 [?]"), |pins, name| pins.input(name, "tensor f32 [?]"));
        match params.told {
            Told::Nothing => Ok(Pins::new()),
            Told::Refusal => Err(Error::invalid("no such file; fetch it first")),
            Told::Panic => panic!("on purpose"),
            Told::Hang => {
                super::pins::hang();
                Ok(pins)
            }
            Told::Pins | Told::Twins => Ok(pins),
        }
    }

    fn create(_params: AdderParams, _cx: &mut CreateContext<'_>) -> Result<Self> {
        Ok(Self)
    }
}

impl Processor for Adder {
    fn process(&mut self, _pin: usize, packet: &mut Packet, cx: &mut Context<'_>) -> Result<()> {
        cx.emit(0, packet)
    }
}

graphmill_plugin_sdk::export!(Adder, Gain, Scripted, Count, Loader);

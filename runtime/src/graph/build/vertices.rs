//! Nodes, inlets and outlets, each checked on its own.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

use super::{Input, named};
use crate::graph::diagnostic::{Diagnostic, Severity};
use crate::graph::format::{FormatError, FormatSet};
use crate::graph::kind::{KindInfo, PinInfo, PinsQuestion, Role};
use crate::graph::model::{Node, NodeRole, Pin, WarmUp};
use crate::graph::params::{Expansion, PARAMS_DEPTH_MAX, ParamSchema, Subject, expand, explain, is_within_depth};
use crate::graph::source::{Place, Reporter};
use crate::graph::spec::{
    Deadlines, DeadlinesSpec, NODE_ID_LEN_MAX, NodeSpec, OnTrip, PassThrough, Policy, PolicyError, TIME_MAX_MS,
    TickSpec, WarmUpSpec,
};
use crate::graph::suggest;

/// Kinds named when none is near to an unknown one, and near kinds named beside the nearest.
const KINDS_SHOWN: usize = 5;

/// A vertex under construction; one of an unknown kind has no role, and nothing that touches it is judged.
pub(crate) struct Vertex<'a> {
    pub(crate) id: &'a str,
    pub(crate) place: Place,
    pub(crate) role: Option<NodeRole>,
    pub(crate) inputs: Vec<Pin>,
    pub(crate) outputs: Vec<Pin>,
    /// Whether a link at this vertex was refused, so that its pins may only seem to be without one.
    pub(crate) has_bad_link: bool,
    settings: Settings,
}

/// What does not concern links.
struct Settings {
    params: Value,
    worker: Option<String>,
    tick: TickSpec,
    send_timeout: Duration,
    deadlines: Deadlines,
    policy: Policy,
    /// Why no instance can be made, where the graph can do without.
    missing: Option<String>,
}

impl Vertex<'_> {
    pub(crate) fn into_node(self) -> Node {
        Node {
            id: self.id.to_owned(),
            // A vertex without a role was reported, so it never becomes part of a graph.
            role: self.role.unwrap_or(NodeRole::Outlet),
            params: self.settings.params,
            worker: self.settings.worker,
            tick: self.settings.tick,
            send_timeout: self.settings.send_timeout,
            deadlines: self.settings.deadlines,
            policy: self.settings.policy,
            missing: self.settings.missing,
            inputs: self.inputs,
            outputs: self.outputs,
        }
    }
}

/// All vertices, inlets, nodes and outlets, each group in its written order; and what is made before them.
pub(crate) fn collect<'a>(input: &Input<'a>, reporter: &mut Reporter<'_>) -> (Vec<Vertex<'a>>, Vec<WarmUp>) {
    let send_timeout =
        check_timeout(input.spec.defaults.send_timeout_ms, &Place::of(&["defaults", "send_timeout_ms"]), reporter);
    check_deadlines(&input.spec.defaults.deadlines, &Place::of(&["defaults"]), reporter);
    let deadlines = input.spec.defaults.deadlines.or(&Deadlines::default());
    let policy = input.spec.defaults.policy.over(&Policy::default());
    check_policy(&policy, PassThrough::Possible, &Place::of(&["defaults"]), reporter);
    let mut collecting =
        Collecting { input: *input, schemas: HashMap::new(), send_timeout, deadlines, policy, reporter };
    let mut vertices = Vec::new();
    for (id, end) in &input.spec.inlets {
        let pin = Pin { name: "out".to_owned(), format: end.format.clone(), optional: false };
        vertices.push(collecting.end(id, "inlets", (NodeRole::Inlet, pin)));
    }
    for (id, node) in &input.spec.nodes {
        vertices.push(collecting.node(id, node));
    }
    for (id, end) in &input.spec.outlets {
        let pin = Pin { name: "in".to_owned(), format: end.format.clone(), optional: false };
        vertices.push(collecting.end(id, "outlets", (NodeRole::Outlet, pin)));
    }
    let warm_ups = input.spec.warm_up.iter().enumerate();
    let warm_ups = warm_ups.filter_map(|(index, warm_up)| collecting.warm_up(index, warm_up)).collect();
    check_ids(&vertices, reporter);
    (vertices, warm_ups)
}

struct Collecting<'c, 'a, 'r> {
    input: Input<'a>,
    /// Compiled once for each kind, however many nodes are of it.
    schemas: HashMap<String, Option<Arc<ParamSchema>>>,
    send_timeout: Duration,
    deadlines: Deadlines,
    policy: Policy,
    reporter: &'c mut Reporter<'r>,
}

impl<'a> Collecting<'_, 'a, '_> {
    fn end(&self, id: &'a str, section: &str, (role, pin): (NodeRole, Pin)) -> Vertex<'a> {
        let is_inlet = matches!(role, NodeRole::Inlet);
        let (inputs, outputs) = if is_inlet { (Vec::new(), vec![pin]) } else { (vec![pin], Vec::new()) };
        let settings = Settings {
            params: Value::Object(Map::new()),
            worker: None,
            tick: TickSpec::default(),
            send_timeout: self.send_timeout,
            deadlines: self.deadlines,
            policy: Policy::default(),
            missing: None,
        };
        Vertex {
            id,
            place: Place::of(&[section, id]),
            role: Some(role),
            inputs,
            outputs,
            has_bad_link: false,
            settings,
        }
    }

    fn node(&mut self, id: &'a str, node: &'a NodeSpec) -> Vertex<'a> {
        let place = Place::of(&["nodes", id]);
        let kind = self.input.kinds.kind(&node.kind);
        let mut settings = Settings {
            params: node.params.clone(),
            worker: self.worker(id, node, &place),
            tick: node.tick.unwrap_or_default(),
            send_timeout: match node.send_timeout_ms {
                Some(ms) => check_timeout(ms, &place.clone().key("send_timeout_ms"), self.reporter),
                None => self.send_timeout,
            },
            deadlines: node.deadlines.or(&self.deadlines),
            policy: node.policy.over(&self.policy),
            missing: None,
        };
        check_deadlines(&node.deadlines, &place, self.reporter);
        check_load_deadline(id, &node.deadlines, &place, self.reporter);
        let unknown = |place: Place, settings: Settings| Vertex {
            id,
            place,
            role: None,
            inputs: Vec::new(),
            outputs: Vec::new(),
            has_bad_link: false,
            settings,
        };
        let Some(kind) = kind else {
            self.report_unknown_kind(id, &node.kind, &place);
            return unknown(place, settings);
        };
        self.check_tick(id, node, &kind);
        let found = self.reporter.count();
        self.check_params(id, &kind, &mut settings.params, &place);
        let has_good_params = self.reporter.count() == found;
        let Some(kind) = self.kind_of_node((id, &place), kind, (&mut settings, has_good_params)) else {
            return unknown(place, settings);
        };
        let resolved = kind.params_with_defaults(&settings.params);
        let inputs = self.pins(id, &kind.inputs, &resolved, &place);
        let outputs = self.pins(id, &kind.outputs, &resolved, &place);
        let formats = PassThrough::of(&inputs, &outputs);
        check_policy(&settings.policy, formats, &place, self.reporter);
        Vertex { id, place, role: Some(NodeRole::Kind(kind)), inputs, outputs, has_bad_link: false, settings }
    }

    /// The kind with the pins of one node; `None` when they are not known, which is reported. A node that the rest goes on
    /// without has the pins that its links name, and its first failure behind it.
    fn kind_of_node(
        &mut self,
        (id, place): (&str, &Place),
        kind: Arc<KindInfo>,
        (settings, has_good_params): (&mut Settings, bool),
    ) -> Option<Arc<KindInfo>> {
        if !kind.has_pins_by_params() {
            return Some(kind);
        }
        if !has_good_params {
            return None;
        }
        let question = PinsQuestion::new(id, &settings.params, settings.deadlines.pins);
        let error = match self.input.kinds.kind_with(&kind, &question) {
            Ok(kind) => return Some(kind),
            Err(error) => error,
        };
        let title = format!("the pins of node `{id}` (`{}`) are not known: {error}", kind.id);
        let place = place.clone().key("params");
        if settings.policy.on_trip == OnTrip::StopSession {
            self.reporter.report(&place, Diagnostic::error(title));
            return None;
        }
        let warning = Diagnostic::new(Severity::Warning, title);
        self.reporter.report(&place, warning.help("its policy lets the rest of the graph go on without it"));
        settings.missing = Some(format!("its pins are not known: {error}"));
        Some(Arc::new(named::with_named_pins(&kind, id, &self.input.spec.links)))
    }

    fn warm_up(&mut self, index: usize, spec: &WarmUpSpec) -> Option<WarmUp> {
        let (id, place) = (format!("warm_up[{index}]"), Place::of(&["warm_up"]).index(index));
        let Some(kind) = self.input.kinds.kind(&spec.kind) else {
            self.report_unknown_kind(&id, &spec.kind, &place);
            return None;
        };
        let mut params = spec.params.clone();
        self.check_params(&id, &kind, &mut params, &place);
        Some(WarmUp { kind, params, create_timeout: self.deadlines.create })
    }

    fn worker(&mut self, id: &str, node: &NodeSpec, place: &Place) -> Option<String> {
        let worker = node.worker.as_ref()?;
        if !is_id(worker) {
            let title = format!("`{worker}` is no name for the worker of node `{id}`");
            self.reporter.report(&place.clone().key("worker"), Diagnostic::error(title).help(ID_HELP));
        }
        Some(worker.clone())
    }

    fn report_unknown_kind(&mut self, id: &str, kind: &str, place: &Place) {
        let known = self.input.kinds.kinds();
        let names: Vec<&str> = known.iter().map(|kind| kind.id.as_str()).collect();
        let near = suggest::near(kind, names.iter().copied());
        let error =
            Diagnostic::error(format!("node `{id}` is of unknown kind `{kind}`")).label("no plugin offers this kind");
        let error = match near.split_first() {
            Some((nearest, [])) => error.help(format!("did you mean `{nearest}`?")),
            Some((nearest, others)) => {
                let others = others.get(..KINDS_SHOWN).unwrap_or(others);
                error
                    .note(format!("also near: {}", suggest::list(others, "and")))
                    .help(format!("did you mean `{nearest}`?"))
            }
            None if names.is_empty() => error.help("no plugin is loaded; add the one that offers it to `plugins`"),
            None => error
                .note(format!("known kinds: {}", suggest::list(&names, "and")))
                .help("load the plugin that offers it"),
        };
        self.reporter.report(&place.clone().key("kind"), error);
    }

    fn check_tick(&mut self, id: &str, node: &NodeSpec, kind: &KindInfo) {
        let Some(tick) = node.tick else { return };
        let place = Place::of(&["nodes", id, "tick"]);
        if kind.role != Role::Source {
            let title = format!("node `{id}` (`{}`) is a {} and is never ticked", kind.id, kind.role.as_str());
            self.reporter.report(&place, Diagnostic::error(title).help("leave `tick` out; it is for sources"));
        }
        if let TickSpec::Interval { interval_ms, .. } = tick {
            let day_ms = Duration::from_millis(TIME_MAX_MS).as_secs_f64() * 1_000.0;
            if !(interval_ms > 0.0 && interval_ms <= day_ms) {
                let title = format!("node `{id}` cannot tick every {interval_ms} ms");
                let error =
                    Diagnostic::error(title).help(format!("write an interval above 0 and up to {TIME_MAX_MS} ms"));
                self.reporter.report(&place.key("interval_ms"), error);
            }
        }
    }

    fn check_params(&mut self, id: &str, kind: &Arc<KindInfo>, params: &mut Value, place: &Place) {
        let place = place.clone().key("params");
        if !params.is_object() || !is_within_depth(params, PARAMS_DEPTH_MAX) {
            let title = format!("the params of node `{id}` must be an object of at most {PARAMS_DEPTH_MAX} levels");
            self.reporter.report(&place, Diagnostic::error(title));
            *params = Value::Object(Map::new());
            return;
        }
        let Some(schema) = self.schema(kind, &place) else {
            return;
        };
        let expansion = Expansion { base_dir: self.input.base_dir, env: self.input.env, node: id };
        expand(params, &kind.params_schema, &place, expansion, self.reporter);
        explain(Subject { node: id, kind, place: &place }, &schema, params, self.reporter);
    }

    /// The compiled schema; a kind whose schema cannot be compiled is reported at its first node.
    fn schema(&mut self, kind: &Arc<KindInfo>, place: &Place) -> Option<Arc<ParamSchema>> {
        if let Some(known) = self.schemas.get(&kind.id) {
            return known.clone();
        }
        let compiled = match ParamSchema::compile(&kind.params_schema) {
            Ok(schema) => Some(Arc::new(schema)),
            Err(reason) => {
                let title = format!("the params of kind `{}` cannot be checked: {reason}", kind.id);
                let error = Diagnostic::error(title).help(format!("tell the makers of plugin `{}`", kind.plugin.id));
                self.reporter.report(place, error);
                None
            }
        };
        self.schemas.insert(kind.id.clone(), compiled.clone());
        compiled
    }

    fn pins(&mut self, id: &str, infos: &[PinInfo], params: &Value, place: &Place) -> Vec<Pin> {
        let resolve = |info: &PinInfo| {
            let format = info.format.resolve(params).unwrap_or_else(|error| {
                let mut at = place.clone().key("params");
                if let FormatError::BadParam { param, .. } = &error {
                    at = at.key(param);
                }
                self.reporter.report(&at, Diagnostic::error(format!("format of pin `{id}.{}`: {error}", info.name)));
                FormatSet::any()
            });
            Pin { name: info.name.clone(), format, optional: info.optional }
        };
        infos.iter().map(resolve).collect()
    }
}

const ID_HELP: &str = "use 1 to 64 of a-z, 0-9, `_` and `-`";

fn is_id(text: &str) -> bool {
    let is_id_byte = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_' || byte == b'-';
    (1..=NODE_ID_LEN_MAX).contains(&text.len()) && text.bytes().all(is_id_byte)
}

/// Nodes, inlets and outlets share one name space, because links name them alike.
fn check_ids(vertices: &[Vertex<'_>], reporter: &mut Reporter<'_>) {
    let mut seen: HashMap<&str, &Vertex<'_>> = HashMap::new();
    for vertex in vertices {
        if !is_id(vertex.id) {
            let error = Diagnostic::error(format!("`{}` is no id", vertex.id)).help(ID_HELP);
            reporter.report(&vertex.place.clone().at_key(), error);
        }
        if seen.insert(vertex.id, vertex).is_some() {
            let error = Diagnostic::error(format!("the id `{}` is used twice", vertex.id));
            reporter.report(
                &vertex.place.clone().at_key(),
                error.help("nodes, inlets and outlets share one name space; rename one"),
            );
        }
    }
}

/// Reports a policy that cannot hold.
fn check_policy(policy: &Policy, formats: PassThrough, place: &Place, reporter: &mut Reporter<'_>) {
    let Err(error) = policy.validate(formats) else { return };
    let place = place.clone().key("policy");
    let place = match &error {
        PolicyError::OutOfRange { key, .. } => key.split('.').fold(place, |place, part| place.key(part)),
        _ => place.key("on_trip"),
    };
    reporter.report(&place, Diagnostic::error(error.to_string()));
}

/// Reports deadlines that are no time at all or longer than a day.
fn check_deadlines(spec: &DeadlinesSpec, place: &Place, reporter: &mut Reporter<'_>) {
    for (key, ms) in spec.given() {
        check_timeout(ms, &place.clone().key("deadlines").key(key), reporter);
    }
}

/// Refuses a deadline for loading at a single node: its plugin is loaded for the whole process, before there are nodes.
fn check_load_deadline(id: &str, spec: &DeadlinesSpec, place: &Place, reporter: &mut Reporter<'_>) {
    if spec.load_ms.is_some() {
        let title = format!("`load_ms` cannot be set for node `{id}` alone: plugins are loaded before there are nodes");
        let error = Diagnostic::error(title).help("set it for the graph, in `defaults.deadlines`");
        reporter.report(&place.clone().key("deadlines").key("load_ms").at_key(), error);
    }
}

fn check_timeout(ms: u64, place: &Place, reporter: &mut Reporter<'_>) -> Duration {
    if !(1..=TIME_MAX_MS).contains(&ms) {
        let title =
            format!("`{}` is {ms}, and must be from 1 to {TIME_MAX_MS}", crate::graph::source::path_text(place));
        reporter.report(place, Diagnostic::error(title));
    }
    Duration::from_millis(ms)
}

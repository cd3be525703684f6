//! What the validator found, in words that name the param and the way out.

use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::paths::LocationSegment;
use jsonschema::{JsonType, ValidationError};
use serde_json::Value;

use super::{ParamSchema, schema};
use crate::graph::diagnostic::Diagnostic;
use crate::graph::kind::KindInfo;
use crate::graph::source::{Place, Reporter, Step};
use crate::graph::suggest;

/// Longest text of the validator that is passed on; it may quote a whole value.
const DETAIL_LEN_MAX: usize = 200;

/// The node whose params are checked.
#[derive(Clone, Copy)]
pub(crate) struct Subject<'a> {
    pub(crate) node: &'a str,
    pub(crate) kind: &'a KindInfo,
    /// The place of the params object.
    pub(crate) place: &'a Place,
}

/// Reports everything that is wrong with the params of one node.
pub(crate) fn explain(subject: Subject<'_>, schema: &ParamSchema, params: &Value, reporter: &mut Reporter<'_>) {
    let mut missing: Vec<(Spot<'_>, Vec<String>)> = Vec::new();
    for error in schema.validator().iter_errors(params) {
        if reporter.is_flooded() {
            break;
        }
        let spot = Spot::of(subject, &error);
        match error.kind() {
            ValidationErrorKind::Required { property } => {
                let name = property.as_str().unwrap_or_default().to_owned();
                match missing.iter_mut().find(|(known, _)| known.place == spot.place) {
                    Some((_, names)) => names.push(name),
                    None => missing.push((spot, vec![name])),
                }
            }
            ValidationErrorKind::AdditionalProperties { unexpected }
            | ValidationErrorKind::UnevaluatedProperties { unexpected } => {
                for name in unexpected {
                    reporter.report(&spot.place.clone().key(name).at_key(), spot.unknown_param(name));
                }
            }
            _ => reporter.report(&spot.place, spot.wrong_value(&error)),
        }
    }
    for (spot, names) in missing {
        reporter.report(&spot.place, spot.missing_params(&names));
    }
}

/// Name of a param with the path inside it: `filters[2].gain`.
pub(crate) fn param_name(place: &Place) -> String {
    let inside = steps_inside(place);
    crate::graph::source::path_text(&Place::from_steps(inside.to_vec()))
}

/// The steps below `nodes.ID.params`.
fn steps_inside(place: &Place) -> &[Step] {
    place.steps.get(3..).unwrap_or_default()
}

/// What the schema of the kind says about the value at a place.
fn schemas_at<'a>(subject: Subject<'a>, place: &Place) -> Vec<&'a Value> {
    let root = &subject.kind.params_schema;
    let start = schema::speaking_about(root, root);
    steps_inside(place).iter().fold(start, |schemas, step| match step {
        Step::Key(name) => schema::of_property(&schemas, name, root),
        Step::Index(index) => schema::of_item(&schemas, *index, root),
    })
}

/// One value at fault with all that is known about it.
struct Spot<'a> {
    subject: Subject<'a>,
    schemas: Vec<&'a Value>,
    place: Place,
}

impl<'a> Spot<'a> {
    fn of(subject: Subject<'a>, error: &ValidationError<'_>) -> Self {
        let place = error.instance_path().segments().fold(subject.place.clone(), |place, segment| match segment {
            LocationSegment::Property(name) => place.key(&name),
            LocationSegment::Index(index) => place.index(index),
        });
        Self { subject, schemas: schemas_at(subject, &place), place }
    }

    fn whole(&self) -> String {
        format!("node `{}` (`{}`)", self.subject.node, self.subject.kind.id)
    }

    fn unknown_param(&self, name: &str) -> Diagnostic {
        let inside = param_name(&self.place);
        let title = match inside.as_str() {
            "" => format!("{} has no param `{name}`", self.whole()),
            inside => format!("param `{inside}` of {} has no key `{name}`", self.whole()),
        };
        let known = schema::property_names(&self.schemas);
        let help = suggest::help_for(name, known.iter().copied())
            .unwrap_or_else(|| "leave it out; there are no params".to_owned());
        Diagnostic::error(title).label("unknown param").help(help)
    }

    fn missing_params(&self, names: &[String]) -> Diagnostic {
        let plural = if names.len() == 1 { "" } else { "s" };
        let inside = param_name(&self.place);
        let listed = suggest::list(names, "and");
        let title = match inside.as_str() {
            "" => format!("{} lacks the param{plural} {listed}", self.whole()),
            inside => format!("param `{inside}` of {} lacks the key{plural} {listed}", self.whole()),
        };
        let described = names.iter().filter_map(|name| {
            let schemas = schema::of_property(&self.schemas, name, &self.subject.kind.params_schema);
            Some(format!("`{name}`: {}", shorten(schema::description(&schemas)?)))
        });
        described.fold(Diagnostic::error(title), Diagnostic::note)
    }

    fn wrong_value(&self, error: &ValidationError<'_>) -> Diagnostic {
        let words = schema::words(&self.schemas);
        let found = error.instance().as_str();
        let rule = match error.kind() {
            ValidationErrorKind::Type { kind } => {
                format!("must be {}, not {}", expected_types(kind), type_name(error.instance()))
            }
            ValidationErrorKind::Minimum { limit } => format!("must be at least {limit}"),
            ValidationErrorKind::Maximum { limit } => format!("must be at most {limit}"),
            ValidationErrorKind::ExclusiveMinimum { limit } => format!("must be above {limit}"),
            ValidationErrorKind::ExclusiveMaximum { limit } => format!("must be below {limit}"),
            ValidationErrorKind::Enum { .. }
            | ValidationErrorKind::AnyOf { .. }
            | ValidationErrorKind::OneOfNotValid { .. }
                if !words.is_empty() =>
            {
                format!("must be {}", suggest::list(&words, "or"))
            }
            _ => format!("is refused: {}", shorten(&error.to_string())),
        };
        let name = param_name(&self.place);
        let title = match name.as_str() {
            "" => format!("the params object of {} {rule}", self.whole()),
            name => format!("param `{name}` of {} {rule}", self.whole()),
        };
        let meant = found.and_then(|found| suggest::nearest(found, words.iter().copied()));
        let diagnostic = Diagnostic::error(title).maybe_help(meant.map(|word| format!("did you mean `{word}`?")));
        match schema::description(&self.schemas).filter(|_| !name.is_empty()) {
            Some(description) => diagnostic.note(format!("`{name}`: {}", shorten(description))),
            None => diagnostic,
        }
    }
}

fn expected_types(kind: &TypeKind) -> String {
    match kind {
        TypeKind::Single(json_type) => with_article(*json_type),
        TypeKind::Multiple(types) => types.iter().map(with_article).collect::<Vec<_>>().join(" or "),
    }
}

fn with_article(json_type: JsonType) -> String {
    match json_type {
        JsonType::Null => "null".to_owned(),
        JsonType::Array => "a list".to_owned(),
        JsonType::Integer => "a whole number".to_owned(),
        other => format!("{} {other}", if matches!(other, JsonType::Object) { "an" } else { "a" }),
    }
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(number) if number.is_f64() => "a fraction",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// The first line of a text, at most [`DETAIL_LEN_MAX`] characters of it.
fn shorten(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    let mut short: String = line.chars().take(DETAIL_LEN_MAX).collect();
    if short.len() < line.len() {
        short.push_str("...");
    }
    short
}

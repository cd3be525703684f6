//! Spans as the messages of OpenTelemetry's protocol.

use super::request::{attribute, resource, scope};
use crate::telemetry::ledger::{Span, SpanPart};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span as OtlpSpan, span::SpanKind};

/// The request with these spans, whose clock began at `origin_unix_ns`.
pub(super) fn of(
    spans: &[Span],
    (session, origin_unix_ns): (&str, u64),
    given: &[(String, String)],
) -> ExportTraceServiceRequest {
    let spans = spans.iter().map(|span| message(span, session, origin_unix_ns)).collect();
    let scope_spans = vec![ScopeSpans { scope: Some(scope()), spans, schema_url: String::new() }];
    let resource_spans =
        vec![ResourceSpans { resource: Some(resource(given)), scope_spans, schema_url: String::new() }];
    ExportTraceServiceRequest { resource_spans }
}

fn message(span: &Span, session: &str, origin_unix_ns: u64) -> OtlpSpan {
    // Producer and consumer of a queue, as OpenTelemetry's conventions for messaging have it.
    let (kind, place) = match span.part {
        SpanPart::Emit => (SpanKind::Producer, "node"),
        SpanPart::Wait => (SpanKind::Internal, "link"),
        SpanPart::Call => (SpanKind::Consumer, "node"),
    };
    OtlpSpan {
        trace_id: span.trace.to_be_bytes().to_vec(),
        span_id: span.id.to_be_bytes().to_vec(),
        parent_span_id: span.parent.map_or_else(Vec::new, |parent| parent.to_be_bytes().to_vec()),
        name: format!("{} {}", span.part.name(), span.place),
        kind: kind.into(),
        start_time_unix_nano: origin_unix_ns.saturating_add(span.begun_ns),
        end_time_unix_nano: origin_unix_ns.saturating_add(span.ended_ns),
        attributes: vec![attribute("session", session), attribute(place, &span.place)],
        ..Default::default()
    }
}

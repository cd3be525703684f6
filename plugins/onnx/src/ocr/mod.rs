//! Text in pictures, with models of the PP-OCR family: `ocr.detect` finds lines, `ocr.recognise` reads them.
//!
//! Two kinds with a link between them, so that either can be replaced: the first gives each line as a picture of its
//! own, upright, with its place in the side data; the second takes any picture of a line. What is around the models
//! (sizes, boxes, order, letters) knows nothing of packets or models and is tested by itself.

mod detect;
mod recognise;

mod net;

mod boxes;
mod ctc;
mod geometry;
mod order;
mod picture;
mod regions;
mod tensors;

pub(crate) use detect::Detect;
pub(crate) use recognise::Recognise;

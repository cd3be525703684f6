//! Tensors in packets and tensors in the engine, made of each other.

use bytemuck::Pod;
use graphmill_plugin_sdk::abi::layout::*;
use graphmill_plugin_sdk::abi::{PacketShape, TensorHeader};
use graphmill_plugin_sdk::{Context, Error, Packet, Result};
use rten::{Value, ValueView};
use rten_tensor::{AsView, Layout, TensorView};

/// The tensor of a packet as the engine holds it: `i64` and `bool` become `i32`, `f64` becomes `f32`.
///
/// # Errors
/// The packet holds no tensor, one with gaps, one of a type that the engine has not, or a number beyond `i32`.
pub(crate) fn to_value(packet: &Packet) -> Result<Value> {
    let header = packet.tensor().ok_or_else(|| Error::invalid("expected a tensor, got another kind of packet"))?;
    check_dense(packet, &header)?;
    let len = header.byte_len().and_then(|len| usize::try_from(len).ok());
    let bytes = len.and_then(|len| packet.plane(0).unwrap_or_default().get(..len));
    let bytes = bytes.ok_or_else(|| Error::invalid("the tensor of the packet is cut off"))?;
    let shape: Vec<usize> = header.dims().iter().map(|length| *length as usize).collect();
    match (header.dtype_code, header.dtype_bits) {
        (GM_DTYPE_FLOAT, 32) => value(&shape, numbers::<f32>(bytes)),
        #[expect(clippy::cast_possible_truncation, reason = "the engine has no doubles; it rounds constants too")]
        (GM_DTYPE_FLOAT, 64) => value(&shape, numbers::<f64>(bytes).into_iter().map(|number| number as f32).collect()),
        (GM_DTYPE_INT, 8) => value(&shape, numbers::<i8>(bytes)),
        (GM_DTYPE_INT, 32) => value(&shape, numbers::<i32>(bytes)),
        (GM_DTYPE_INT, 64) => value(&shape, numbers::<i64>(bytes).into_iter().map(narrow).collect::<Result<_>>()?),
        (GM_DTYPE_UINT, 8) => value(&shape, bytes.to_vec()),
        (GM_DTYPE_BOOL, 8) => value(&shape, bytes.iter().map(|byte| i32::from(*byte != 0)).collect()),
        (code, bits) => Err(Error::unsupported(format!(
            "tensors of type {code} with {bits} bits cannot be taken; convert them to f32, i32, i8 or u8"
        ))),
    }
}

/// A packet with the tensor of the engine, on a pooled buffer.
///
/// # Errors
/// The value is no tensor or too large for a packet, or the host has no memory left.
pub(crate) fn to_packet(value: &Value, cx: &mut Context<'_>) -> Result<Packet> {
    match value.as_view() {
        ValueView::FloatTensor(tensor) => packet(&tensor, (GM_DTYPE_FLOAT, 32), cx),
        ValueView::Int32Tensor(tensor) => packet(&tensor, (GM_DTYPE_INT, 32), cx),
        ValueView::Int8Tensor(tensor) => packet(&tensor, (GM_DTYPE_INT, 8), cx),
        ValueView::UInt8Tensor(tensor) => packet(&tensor, (GM_DTYPE_UINT, 8), cx),
        _ => Err(Error::unsupported("the model gave a sequence; only tensors can be sent")),
    }
}

/// Numbers with a shape.
///
/// # Errors
/// There are more or fewer than the shape says.
pub(crate) fn value<T>(shape: &[usize], numbers: Vec<T>) -> Result<Value>
where
    Value: From<rten_tensor::Tensor<T>>,
{
    Value::from_shape(shape, numbers).map_err(Error::invalid)
}

/// A copy, so that it may lie anywhere.
fn numbers<T: Pod>(bytes: &[u8]) -> Vec<T> {
    bytes.chunks_exact(size_of::<T>()).map(bytemuck::pod_read_unaligned).collect()
}

fn narrow(number: i64) -> Result<i32> {
    i32::try_from(number).map_err(|_| Error::invalid(format!("the number {number} is beyond what the engine can hold")))
}

fn check_dense(packet: &Packet, header: &TensorHeader) -> Result<()> {
    let Some(PacketShape::Tensor(raw)) = packet.header().map(|header| header.shape) else { return Ok(()) };
    let mut next = 1_i64;
    let mut is_dense = raw.byte_offset == 0 && raw.dtype_lanes == 1;
    for (length, stride) in header.dims().iter().zip(&raw.strides).rev() {
        is_dense &= *length <= 1 || i64::from(*stride) == next;
        next = next.saturating_mul(i64::from((*length).max(1)));
    }
    let is_empty = header.dims().contains(&0);
    if is_dense || is_empty { Ok(()) } else { Err(Error::invalid("the tensor has gaps; make it dense first")) }
}

fn packet<T: Pod>(tensor: &TensorView<'_, T>, (code, bits): (u8, u8), cx: &mut Context<'_>) -> Result<Packet> {
    let shape: Vec<u32> =
        tensor.shape().iter().map(|length| u32::try_from(*length)).collect::<Result<_, _>>().map_err(Error::new)?;
    let header = TensorHeader::dense(code, bits, &shape).ok_or_else(|| {
        Error::unsupported(format!("a tensor of {} dimensions cannot be sent, at most 8 can", shape.len()))
    })?;
    let copy;
    let numbers = match tensor.data() {
        Some(numbers) => numbers,
        None => {
            copy = tensor.to_vec();
            copy.as_slice()
        }
    };
    let bytes: &[u8] = bytemuck::cast_slice(numbers);
    let mut buffer = cx.buffer(bytes.len())?;
    let target = buffer.as_mut_slice().and_then(|target| target.get_mut(..bytes.len()));
    target.ok_or_else(|| Error::new("the host gave a buffer that is too small"))?.copy_from_slice(bytes);
    Ok(Packet::from_tensor(header, buffer)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use graphmill_plugin_sdk::Buffer;

    fn tensor(code: u8, bits: u8, shape: &[u32], bytes: &[u8]) -> Packet {
        let header = TensorHeader::dense(code, bits, shape).unwrap();
        Packet::from_tensor(header, Buffer::copy_from_slice(bytes)).unwrap()
    }

    #[test]
    fn tensors_of_every_type_that_the_engine_has_are_taken() {
        let bytes = |numbers: &[f64]| numbers.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<_>>();
        let longs = |numbers: &[i64]| numbers.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<_>>();
        let table = [
            (tensor(GM_DTYPE_FLOAT, 64, &[2], &bytes(&[0.5, -2.0])), value(&[2], vec![0.5_f32, -2.0])),
            (tensor(GM_DTYPE_INT, 64, &[1, 2], &longs(&[7, -1])), value(&[1, 2], vec![7_i32, -1])),
            (tensor(GM_DTYPE_INT, 8, &[2], &[1, 255]), value(&[2], vec![1_i8, -1])),
            (tensor(GM_DTYPE_UINT, 8, &[2], &[1, 255]), value(&[2], vec![1_u8, 255])),
            (tensor(GM_DTYPE_BOOL, 8, &[2], &[0, 1]), value(&[2], vec![0_i32, 1])),
            (tensor(GM_DTYPE_INT, 32, &[], &[5, 0, 0, 0]), value(&[], vec![5_i32])),
            (tensor(GM_DTYPE_FLOAT, 32, &[2, 0], &[]), value(&[2, 0], Vec::<f32>::new())),
        ];
        for (packet, expected) in table {
            assert_eq!(to_value(&packet).unwrap(), expected.unwrap(), "{packet:?}");
        }
    }

    #[test]
    fn what_the_engine_cannot_hold_is_refused_with_the_reason() {
        let far = i64::from(i32::MAX) + 1;
        let table = [
            (tensor(GM_DTYPE_INT, 64, &[1], &far.to_le_bytes()), "beyond what the engine can hold"),
            (tensor(GM_DTYPE_FLOAT, 16, &[1], &[0, 0]), "with 16 bits cannot be taken"),
            (Packet::from_text("1.0").unwrap(), "expected a tensor"),
        ];
        for (packet, reason) in table {
            let message = to_value(&packet).unwrap_err().to_string();
            assert!(message.contains(reason), "{message}");
        }
    }

    #[test]
    fn a_tensor_with_gaps_is_refused() {
        let mut header = tensor(GM_DTYPE_UINT, 8, &[2, 2], &[0; 8]).header().unwrap();
        if let PacketShape::Tensor(tensor) = &mut header.shape {
            [tensor.strides[0], tensor.strides[1]] = [4, 1];
        }
        let packet = Packet::from_parts(&header, [Buffer::copy_from_slice(&[0; 8])], None).unwrap();
        assert!(to_value(&packet).unwrap_err().to_string().contains("has gaps"));
    }
}

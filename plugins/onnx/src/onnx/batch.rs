//! Several tensors as one along their first dimension, and the way back.

use graphmill_plugin_sdk::{Error, Result};
use rten::Value;
use rten_tensor::{AsView, Layout};

use crate::tensors;

/// Whether two tensors can stand in one batch: all but the first dimension agree.
pub(super) fn agree(one: &Value, other: &Value) -> bool {
    let tail = |value: &Value| value.as_view().shape().get(1..).map(<[usize]>::to_vec);
    one.dtype() == other.dtype() && tail(one).is_some() && tail(one) == tail(other)
}

/// Rows of a tensor: its first dimension.
pub(super) fn rows(value: &Value) -> usize {
    value.as_view().shape().first().copied().unwrap_or(1)
}

/// Puts tensors that agree one after the other; one alone stays as it is.
///
/// # Errors
/// There is none, or they do not agree.
pub(super) fn join(mut values: Vec<Value>) -> Result<Value> {
    let Some(first) = values.first() else { return Err(Error::new("a batch of nothing")) };
    if values.len() == 1 {
        return values.pop().ok_or_else(|| Error::new("a batch of nothing"));
    }
    let mut shape = first.as_view().shape().to_vec();
    if let Some(length) = shape.first_mut() {
        *length = values.iter().map(rows).sum();
    }
    match first {
        Value::FloatTensor(_) => tensors::value(&shape, concatenated::<f32>(&values)),
        Value::Int32Tensor(_) => tensors::value(&shape, concatenated::<i32>(&values)),
        Value::Int8Tensor(_) => tensors::value(&shape, concatenated::<i8>(&values)),
        Value::UInt8Tensor(_) => tensors::value(&shape, concatenated::<u8>(&values)),
        _ => Err(Error::unsupported("only tensors can be batched")),
    }
}

fn concatenated<T: Copy>(values: &[Value]) -> Vec<T>
where
    for<'a> rten_tensor::TensorView<'a, T>: TryFrom<&'a Value>,
{
    values.iter().filter_map(Value::as_tensor_view::<T>).flat_map(|tensor| tensor.to_vec()).collect()
}

/// Cuts a tensor into parts of so many rows.
///
/// # Errors
/// The tensor has not as many rows as all parts together.
pub(super) fn split(value: Value, parts: &[usize]) -> Result<Vec<Value>> {
    if parts.len() == 1 {
        return Ok(vec![value]);
    }
    let (have, want) = (rows(&value), parts.iter().sum::<usize>());
    let shape = value.as_view().shape().to_vec();
    if have != want || shape.is_empty() {
        return Err(Error::invalid(format!(
            "the model made {have} rows of a batch of {want}; it cannot be batched, so set `batch_max = 1`"
        )));
    }
    match &value {
        Value::FloatTensor(tensor) => cut(&tensor.to_vec(), &shape, parts),
        Value::Int32Tensor(tensor) => cut(&tensor.to_vec(), &shape, parts),
        Value::Int8Tensor(tensor) => cut(&tensor.to_vec(), &shape, parts),
        Value::UInt8Tensor(tensor) => cut(&tensor.to_vec(), &shape, parts),
        _ => Err(Error::unsupported("only tensors can be batched")),
    }
}

fn cut<T: Copy>(numbers: &[T], shape: &[usize], parts: &[usize]) -> Result<Vec<Value>>
where
    Value: From<rten_tensor::Tensor<T>>,
{
    let row: usize = shape.iter().skip(1).product();
    let mut rest = numbers;
    let part = |rows: &usize| {
        let (head, tail) = rest.split_at_checked(rows * row).unwrap_or((rest, &[]));
        rest = tail;
        let shape: Vec<usize> = [*rows].into_iter().chain(shape.iter().skip(1).copied()).collect();
        tensors::value(&shape, head.to_vec())
    };
    parts.iter().map(part).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows_of(rows: usize, first: i32) -> Value {
        let numbers = (0..).take(rows * 2).map(|index| first + index).collect();
        tensors::value(&[rows, 2], numbers).unwrap()
    }

    #[test]
    fn what_is_joined_comes_apart_again() {
        let parts = [rows_of(1, 0), rows_of(3, 10), rows_of(0, 0), rows_of(2, 20)];
        let lens: Vec<usize> = parts.iter().map(rows).collect();
        let joined = join(parts.to_vec()).unwrap();
        assert_eq!(rows(&joined), 6);
        assert_eq!(split(joined, &lens).unwrap(), parts);
    }

    #[test]
    fn tensors_that_differ_are_not_put_together() {
        let other = tensors::value(&[1, 3], vec![0_i32; 3]).unwrap();
        let float = tensors::value(&[1, 2], vec![0.0_f32; 2]).unwrap();
        let scalar = tensors::value(&[], vec![0_i32]).unwrap();
        assert!(agree(&rows_of(1, 0), &rows_of(9, 0)));
        assert!(!agree(&rows_of(1, 0), &other) && !agree(&rows_of(1, 0), &float) && !agree(&scalar, &scalar));
    }

    #[test]
    fn a_model_that_gives_another_number_of_rows_cannot_be_batched() {
        let message = split(rows_of(3, 0), &[1, 1]).unwrap_err().to_string();
        assert!(message.contains("3 rows of a batch of 2"), "{message}");
    }
}

//! Averages over windows.

use super::conv::Kernels;
use super::window::Window;
use crate::onnx::read::error::{Problem, operand};
use crate::onnx::read::layers::{Op, Weights};
use crate::onnx::read::node::{Node, Value};
use crate::onnx::read::trace::Tracer;

impl Tracer<'_> {
    pub(super) fn average_pool(&mut self, node: &Node) -> Result<Value, Problem> {
        let input = self.maps(node.input(0)?)?;
        let [channels, rows, columns] = self.layers.shape(input);
        let sides = match node.ints("kernel_shape") {
            Some(&[rows @ 1..64, columns @ 1..64]) => [rows as usize, columns as usize],
            other => {
                let expected = "two numbers from 1 to 63";
                return Err(Problem::attribute(
                    "kernel_shape",
                    format!("{other:?}"),
                    expected,
                ));
            }
        };
        node.expect_int("ceil_mode", 0, 0, "0")?;
        let window = Window::of(node, sides, [rows, columns])?;
        let counts_padding = node.int("count_include_pad", 0) != 0 || window.pads == [0; 4];
        if !counts_padding {
            let [side, _] = sides;
            let is_centred = sides == [side; 2] && side % 2 == 1 && window.pads == [side / 2; 4];
            if !is_centred || window.stride != 1 || window.dilation != [1, 1] {
                return Err(operand!(
                    "an average that leaves padding out needs a square window with an odd side, a stride of 1 and a \
                     padding of half the window, but has a window of {sides:?}, a stride of {} and pads of {:?}",
                    window.stride,
                    window.pads
                ));
            }
            let window = side;
            let id = self
                .layers
                .push(Op::Mean { input, window }, [channels, rows, columns])?;
            return Ok(self.value(id));
        }
        let [height, width] = sides;
        let count = self.budget.charge_product(&[channels, height, width])?;
        let share = 1.0 / (height * width) as f32;
        let kernels = Kernels {
            weight: Weights::new(&format!("{}.weight", node.name()), vec![share; count]),
            bias: None,
            groups: channels,
        };
        let id = self.convolve(input, window, kernels)?;
        Ok(self.value(id))
    }
}

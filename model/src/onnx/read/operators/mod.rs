//! Makes layers of operators.

mod activation;
mod arithmetic;
mod conv;
mod layout;
mod pool;
mod resize;
pub(super) mod shapes;
mod space;
mod transposed;
mod window;

use super::error::Problem;
use super::node::{Node, Value};
use super::trace::Tracer;

impl Tracer<'_> {
    /// The values that a node computes of feature maps.
    pub(super) fn operator(&mut self, node: &Node) -> Result<Vec<Value>, Problem> {
        let value = match node.operator() {
            "Identity" | "Cast" | "Dropout" => self.unchanged(node)?,
            "Reshape" | "Flatten" | "Transpose" | "Squeeze" | "Unsqueeze" => {
                self.rearranged(node)?
            }
            "Slice" => self.slice(node)?,
            "Split" => return self.split(node),
            "Gather" => self.gather(node)?,
            "Tile" => self.tile(node)?,
            "Expand" => self.expand(node)?,
            "Concat" => self.concat(node)?,
            "DepthToSpace" => self.depth_to_space(node)?,
            "SpaceToDepth" => self.space_to_depth(node)?,
            "Pad" => self.pad(node)?,
            "Conv" => self.conv(node)?,
            "ConvTranspose" => self.conv_transpose(node)?,
            "BatchNormalization" => self.batch_normalization(node)?,
            "AveragePool" => self.average_pool(node)?,
            "Resize" | "Upsample" => self.resize(node)?,
            "Add" | "Sum" | "Sub" | "Mul" | "Div" | "Pow" | "Min" | "Max" => {
                self.arithmetic(node)?
            }
            _ => self.function(node)?,
        };
        Ok(vec![value])
    }

    /// Inference leaves values as they are here.
    fn unchanged(&mut self, node: &Node) -> Result<Value, Problem> {
        if node.operator() == "Dropout"
            && let Some(training) = node.optional_constant(2)?
            && training.to_ints()?.iter().any(|flag| *flag != 0)
        {
            return Err(Problem::attribute("training_mode", true, "false"));
        }
        if node.operator() == "Cast" {
            use super::proto::ElementType::{Bfloat16, Double, Float, Float16};
            let to = node.int("to", 0);
            if ![Float, Float16, Bfloat16, Double]
                .iter()
                .any(|kind| *kind as i64 == to)
            {
                return Err(Problem::attribute("to", to, "types of floats"));
            }
        }
        node.input(0).cloned()
    }
}

//! Tests that run one at a time: other browsers would take the processor away from them.

use crate::app_import::drop_files_on_webgpu;

#[test]
fn dropped_files_of_weights_compute_what_pytorch_does_on_webgpu() {
    drop_files_on_webgpu();
}

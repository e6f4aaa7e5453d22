//! Shaders and bind groups, and the errors of making them.

use wgpu::{
    BindGroup, BindGroupDescriptor, BindGroupEntry, Buffer, ComputePipeline,
    ComputePipelineDescriptor, Device, ErrorFilter, ShaderModuleDescriptor, ShaderSource,
};

/// The pipeline of a shader.
pub fn pipeline(device: &Device, text: &str) -> ComputePipeline {
    let module = device.create_shader_module(ShaderModuleDescriptor {
        label: None,
        source: ShaderSource::Wgsl(text.into()),
    });
    device.create_compute_pipeline(&ComputePipelineDescriptor {
        label: None,
        layout: None,
        module: &module,
        entry_point: None,
        compilation_options: Default::default(),
        cache: None,
    })
}

/// Buffers for the bindings of a pipeline, from 0 on.
pub fn bind<'a>(
    device: &Device,
    pipeline: &ComputePipeline,
    buffers: impl Iterator<Item = &'a Buffer>,
) -> BindGroup {
    let entries: Vec<BindGroupEntry> = (0..)
        .zip(buffers)
        .map(|(binding, buffer)| BindGroupEntry {
            binding,
            resource: buffer.as_entire_binding(),
        })
        .collect();
    device.create_bind_group(&BindGroupDescriptor {
        label: None,
        layout: &pipeline.get_bind_group_layout(0),
        entries: &entries,
    })
}

/// Collects the GPU's errors from its opening on.
pub struct Scopes([wgpu::ErrorScopeGuard; 3]);

impl Scopes {
    /// Opens it.
    pub fn open(device: &Device) -> Self {
        let filters = [
            ErrorFilter::Internal,
            ErrorFilter::Validation,
            ErrorFilter::OutOfMemory,
        ];
        Self(filters.map(|filter| device.push_error_scope(filter)))
    }

    /// Closes it at once; the future resolves to the first error.
    pub fn close(self) -> impl Future<Output = Result<(), wgpu::Error>> {
        let [internal, validation, memory] = self.0;
        // In the reverse order of their opening.
        let errors = [memory, validation, internal].map(|scope| Box::pin(scope.pop()));
        async move {
            for error in errors {
                if let Some(error) = error.await {
                    return Err(error);
                }
            }
            Ok(())
        }
    }
}

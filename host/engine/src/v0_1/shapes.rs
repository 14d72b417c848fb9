//! The inputs and outputs of this version as JSON, led by the types of the component itself.

#[cfg(test)]
mod tests;

use serde::Serialize;
use serde_json::Value;
use wasmtime::component::types::{ComponentFunc, ComponentItem};
use wasmtime::component::{Component, ComponentExportIndex, Type};

use super::{Descriptor, Input, Output};
use crate::contract_json;

/// The interface that every component exports. It is looked up as the generated bindings do: this name, else the newest
/// version that is compatible with it.
const EXPORT: &str = "omi:runtime-adapter/runtime-adapter@0.1.0";

/// What the two functions of a component take and give. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Shapes {
    inputs: Type,
    outputs: Type,
    descriptor: Type,
}

impl Shapes {
    /// Those of a component; the error says what does not fit the contract.
    pub(super) fn of(component: &Component) -> wasmtime::Result<Self> {
        let missing = || wasmtime::format_err!("there is no instance `{EXPORT}`");
        let interface = component.get_export_index(None, EXPORT).ok_or_else(missing)?;
        let function = |name| {
            function(component, &interface, name)
                .ok_or_else(|| wasmtime::format_err!("there is no function `{name}`"))
        };
        let (handle, describe) = (function("handle")?, function("describe")?);
        let shapes = || {
            let inputs = handle.params().last()?.1;
            let outputs = handle.results().next()?;
            let descriptor = describe.results().next()?;
            Some(Self { inputs, outputs, descriptor })
        };
        shapes().ok_or_else(|| wasmtime::format_err!("`handle` or `describe` takes or gives nothing"))
    }

    /// Reads inputs; the error names the place.
    pub(crate) fn read_inputs(&self, inputs: &Value) -> Result<Vec<Input>, String> {
        let read = contract_json::read(inputs, &self.inputs)?;
        serde_json::from_value(read).map_err(|error| error.to_string())
    }

    /// Writes inputs.
    pub(crate) fn write_inputs(&self, inputs: &[Input]) -> Value {
        write(&inputs, &self.inputs)
    }

    /// Writes outputs.
    pub(crate) fn write_outputs(&self, outputs: &[Output]) -> Value {
        write(&outputs, &self.outputs)
    }

    /// Writes what `describe` answered.
    pub(crate) fn write_descriptor(&self, descriptor: &Descriptor) -> Value {
        write(descriptor, &self.descriptor)
    }
}

/// Numbers that JSON does not have (a cost that is not a number) become `null`; everything else of the contract is JSON.
fn write(value: &impl Serialize, shape: &Type) -> Value {
    serde_json::to_value(value).map_or(Value::Null, |value| contract_json::write(value, shape))
}

fn function(component: &Component, interface: &ComponentExportIndex, name: &str) -> Option<ComponentFunc> {
    match component.get_export(Some(interface), name)?.0 {
        ComponentItem::ComponentFunc(function) => Some(function),
        _ => None,
    }
}

//! The inputs and outputs of this version as JSON, led by the types of the component itself.

use serde::Serialize;
use serde_json::Value;
use wasmtime::component::types::{ComponentFunc, ComponentInstance, ComponentItem};
use wasmtime::component::{Component, Type};

use super::{Descriptor, Input, Output};
use crate::contract_json;

/// The interface that every component exports in this version or a compatible one.
const EXPORT: &str = "omi:runtime-adapter/runtime-adapter@0.1.";

/// What the two functions of a component take and give.
pub(crate) struct Shapes {
    inputs: Type,
    outputs: Type,
    descriptor: Type,
}

impl Shapes {
    /// Those of a component that fits the contract; none of one that does not.
    pub(super) fn of(component: &Component) -> Option<Self> {
        let engine = component.engine();
        let exported = component.component_type();
        let interface = exported.exports(engine).find(|(name, _)| name.starts_with(EXPORT))?.1;
        let ComponentItem::ComponentInstance(interface) = interface.ty else { return None };
        let function = |name| function(&interface, engine, name);
        let (handle, describe) = (function("handle")?, function("describe")?);
        let inputs = handle.params().last()?.1;
        let outputs = handle.results().next()?;
        let descriptor = describe.results().next()?;
        Some(Self { inputs, outputs, descriptor })
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

fn function(interface: &ComponentInstance, engine: &wasmtime::Engine, name: &str) -> Option<ComponentFunc> {
    match interface.get_export(engine, name)?.ty {
        ComponentItem::ComponentFunc(function) => Some(function),
        _ => None,
    }
}

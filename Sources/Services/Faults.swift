import Domain

// The faults that several services raise, with the message identifiers that vCenter uses and clients look for.
extension Fault {
    /// - Parameters:
    ///   - type: what kind of object, for example `vm`, as in the message identifier.
    ///   - name: for people, for example `Virtual machine`.
    static func notFound(_ type: String, _ name: String, _ id: String) -> Fault {
        Fault(
            .notFound, id: "com.vmware.api.vcenter.\(type).not_found",
            "\(name) with identifier '\(id)' does not exist.", arguments: [id])
    }

    static func virtualMachineNotFound(_ id: String) -> Fault {
        var fault = notFound("vm", "Virtual machine", id)
        fault.messages.append(
            LocalizableMessage(
                id: "vmsg.ManagedObjectNotFound.summary",
                "The object 'vim.VirtualMachine:\(id)' has already been deleted or has not been completely created"))
        return fault
    }

    static func deviceNotFound(_ device: String, of machine: String) -> Fault {
        Fault(
            .notFound, id: "com.vmware.api.vcenter.vm.device.not_found",
            "Device with identifier \(device) does not exist on the virtual machine \(machine)", arguments: [device, machine])
    }

    /// - Parameter type: for example `VirtualMachine`.
    static func duplicateName(_ type: String, _ name: String) -> Fault {
        var fault = Fault(
            .alreadyExists, id: "com.vmware.vdcs.util.duplicate_name",
            "An object of type \"\(type)\" named \"\(name)\" already exists.", arguments: [type, name])
        fault.messages.append(
            LocalizableMessage(id: "vmsg.DuplicateName.summary", "The name '\(name)' already exists.", arguments: [name]))
        return fault
    }

    /// - Parameters:
    ///   - field: dotted path of what is wrong, for example `spec.disks[0].new_vmdk.capacity`.
    ///   - reason: a sentence about it, without the field's name in front.
    static func invalid(_ field: String, _ reason: String) -> Fault {
        Fault(
            .invalidArgument, id: "com.viaduct.invalid_field", "Invalid value of '\(field)': \(reason)",
            arguments: [field, reason])
    }

    static func unsupported(_ field: String, _ reason: String) -> Fault {
        Fault(
            .unsupported, id: "com.viaduct.unsupported_field", "Unsupported value of '\(field)': \(reason)",
            arguments: [field, reason])
    }

    /// The power state forbids what was asked.
    static func wrongPowerState(_ type: FaultType, _ text: String, id: String, state: PowerState) -> Fault {
        var fault = Fault(type, id: id, text)
        fault.messages.append(
            LocalizableMessage(
                id: "vmsg.InvalidPowerState.summary",
                "The attempted operation cannot be performed in the current state (\(state.label))."))
        return fault
    }

    static func busy(_ machine: Identifier<VirtualMachine>) -> Fault {
        Fault(
            .resourceBusy, id: "com.viaduct.vm.busy",
            "Another operation is already in progress on the virtual machine with identifier '\(machine)'.",
            arguments: [machine.rawValue])
    }
}

extension PowerState {
    /// As it stands in messages for people.
    var label: String {
        switch self {
        case .off: "Powered off"
        case .on: "Powered on"
        case .suspended: "Suspended"
        }
    }
}

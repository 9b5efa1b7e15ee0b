import Domain

extension Fault {
    static func tenancy(_ type: FaultType, _ id: String, _ text: String, _ arguments: String...) -> Fault {
        Fault(type, id: "com.viaduct.tenancy.\(id)", text, arguments: arguments)
    }

    static func tenantNotFound(_ id: String) -> Fault {
        .tenancy(.notFound, "tenant_not_found", "Tenant with identifier '\(id)' does not exist.", id)
    }

    static func datacenterNotFound(_ id: String) -> Fault {
        .tenancy(.notFound, "vdc_not_found", "Virtual datacenter with identifier '\(id)' does not exist.", id)
    }

    static func memberNotFound(_ id: String) -> Fault {
        .tenancy(.notFound, "member_not_found", "Member with identifier '\(id)' does not exist.", id)
    }

    static func notAllowed(_ what: String, _ datacenter: TenantDatacenter) -> Fault {
        .tenancy(
            .invalidArgument, "not_allowed", "The virtual datacenter '\(datacenter.name)' does not allow \(what).",
            datacenter.name, what)
    }

    static func datacenterClosed(_ id: String, _ state: String) -> Fault {
        .tenancy(.notAllowedInCurrentState, "closed", "'\(id)' is \(state) and may consume no more.", id, state)
    }

    /// One message and one entry of `violations` per limit that is broken.
    ///
    /// - Parameter violations: at least one.
    static func quotaExceeded(_ violations: [QuotaViolation], name: String) -> Fault {
        let messages = violations.map { violation in
            let numbers = [violation.limit, violation.used, violation.claimed, violation.requested, violation.available]
                .map { String($0) }
            return LocalizableMessage(
                id: "viaduct.quota.exceeded",
                "vDC \(name): \(violation.dimension.rawValue) limit \(numbers[0]), used \(numbers[1]), claimed \(numbers[2]),"
                    + " requested \(numbers[3]), available \(numbers[4]).",
                arguments: [name, violation.dimension.rawValue] + numbers)
        }
        let entries = violations.map { violation in
            FaultData.structure(
                "com.viaduct.tenancy.violation",
                [
                    .init("dimension", .text(violation.dimension.rawValue)), .init("limit", .integer(violation.limit)),
                    .init("used", .integer(violation.used)), .init("claimed", .integer(violation.claimed)),
                    .init("requested", .integer(violation.requested)), .init("available", .integer(violation.available)),
                    .init("scope", .text(violation.scope)),
                ])
        }
        var fault = Fault(.unableToAllocateResource, id: "viaduct.quota.exceeded", "")
        fault.messages = messages
        fault.data = .structure("com.viaduct.tenancy.violations", [.init("violations", .list(entries))])
        return fault
    }

    /// - Parameter machines: those in the way, in order.
    static func datacenterInUse(_ datacenter: TenantDatacenter, by machines: [VirtualMachine], total: Int) -> Fault {
        var fault = Fault.tenancy(
            .resourceInUse, "vdc_in_use", "The virtual datacenter '\(datacenter.name)' has \(total) virtual machines.",
            datacenter.id.rawValue, String(total))
        let blockers = machines.map { machine in
            FaultData.structure(
                "com.viaduct.tenancy.blocker",
                [
                    .init("type", .text("VirtualMachine")), .init("id", .text(machine.id.rawValue)),
                    .init("display_name", .text(machine.name)),
                ])
        }
        fault.data = .structure(
            "com.viaduct.tenancy.blockers", [.init("blockers", .list(blockers)), .init("total", .integer(Int64(total)))])
        return fault
    }
}

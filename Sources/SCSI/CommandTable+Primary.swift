// Commands every device has. Source: SPC-4 clause 6, SBC-3 §5.18 and §5.19.

extension CommandTable {
    static let primaryRows: [CommandDescription] = identityRows + modeRows + mediumRows + maintenanceRows

    private static let identityRows: [CommandDescription] = [
        CommandDescription(.testUnitReady, usage: [0, 0, 0, 0, 0x04], .none, .reads, .allowedPersistent, .quick) {
            _, _, _ in
        },
        CommandDescription(
            .requestSense, usage: [0x01, 0, 0, 0xFF, 0x04], .allocation(at: 4, width: 1), .none, .allowed, .quick
        ) { target, command, unit throws(Sense) in try target.requestSense(&command, unit) },
        CommandDescription(
            .inquiry, usage: [0x01, 0xFF, 0xFF, 0xFF, 0x04], .allocation(at: 3, width: 2), .none, .allowed, .quick
        ) { target, command, unit throws(Sense) in try target.inquire(&command, unit) },
        CommandDescription(
            .reportLUNs, usage: [0, 0xFF, 0, 0, 0] + ff(4) + [0, 0x04], .allocation(at: 6, width: 4), .none, .allowed, .quick
        ) { target, command, _ throws(Sense) in try target.reportLUNs(&command) },
        CommandDescription(
            .readCapacity10, usage: none(8) + [0x04], .eightBytesIn, .reads, .allowed, .quick
        ) { target, command, unit throws(Sense) in try target.readCapacity10(&command, unit) },
        CommandDescription(
            .serviceActionIn16, ServiceActionIn16.readCapacity16.rawValue, usage: [0x10] + none(8) + ff(4) + [0, 0x04],
            .allocation(at: 10, width: 4), .reads, .allowed, .quick
        ) { target, command, unit throws(Sense) in try target.readCapacity16(&command, unit) },
    ]

    private static let modeRows: [CommandDescription] = [
        CommandDescription(
            .modeSense6, usage: [0x08, 0xFF, 0xFF, 0xFF, 0x04], .allocation(at: 4, width: 1), .none, .asRead, .quick
        ) { target, command, unit throws(Sense) in try target.modeSense(&command, unit) },
        CommandDescription(
            .modeSense10, usage: [0x18, 0xFF, 0xFF, 0, 0, 0, 0xFF, 0xFF, 0x04], .allocation(at: 7, width: 2), .none, .asRead,
            .quick
        ) { target, command, unit throws(Sense) in try target.modeSense(&command, unit) },
        CommandDescription(
            .modeSelect6, usage: [0x11, 0, 0, 0xFF, 0x04], .parameterList(at: 4, width: 1), .control, .asWrite, .quick
        ) { target, command, unit throws(Sense) in try target.modeSelect(&command, unit) },
        CommandDescription(
            .modeSelect10, usage: [0x11, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0x04], .parameterList(at: 7, width: 2), .control,
            .asWrite, .quick
        ) { target, command, unit throws(Sense) in try target.modeSelect(&command, unit) },
        CommandDescription(
            .logSense, usage: [0x03, 0x3F, 0xFF, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0x04], .allocation(at: 7, width: 2), .none,
            .allowedPersistent, .quick
        ) { target, command, unit throws(Sense) in try target.logSense(&command, unit) },
    ]

    private static let mediumRows: [CommandDescription] = [
        CommandDescription(.startStopUnit, usage: [0, 0, 0, 0xF3, 0x04], .none, .control, .ifNotStarting, .quick) {
            target, command, unit throws(Sense) in try target.startStop(&command, unit)
        },
        CommandDescription(
            .preventAllowMediumRemoval, usage: [0, 0, 0, 0x03, 0x04], .none, .control, .ifPreventing, .quick
        ) { target, command, unit throws(Sense) in try target.preventAllow(&command, unit) },
        CommandDescription(
            .readDefectData10, usage: [0, 0x1F, 0, 0, 0, 0, 0xFF, 0xFF, 0x04], .allocation(at: 7, width: 2), .reads,
            .asWrite, .quick
        ) { target, command, unit throws(Sense) in try target.readDefectData10(&command, unit) },
        CommandDescription(
            .readDefectData12, usage: [0x1F, 0, 0, 0, 0] + ff(4) + [0, 0x04], .allocation(at: 6, width: 4), .reads, .asWrite,
            .quick
        ) { target, command, unit throws(Sense) in try target.readDefectData12(&command, unit) },
        CommandDescription(
            .sanitize, SanitizeAction.overwrite.rawValue, usage: [0xA1] + none(5) + [0xFF, 0xFF, 0x04],
            .parameterList(at: 7, width: 2), .sanitizes, .asWrite, .slow
        ) { target, command, unit throws(Sense) in try target.sanitizeOverwrite(&command, unit) },
        CommandDescription(
            .sanitize, SanitizeAction.blockErase.rawValue, usage: [0xA2] + none(5) + [0xFF, 0xFF, 0x04],
            .parameterList(at: 7, width: 2), .sanitizes, .asWrite, .slow
        ) { target, command, unit throws(Sense) in try target.sanitizeBlockErase(&command, unit) },
        CommandDescription(
            .sanitize, SanitizeAction.exitFailureMode.rawValue, usage: [0xBF] + none(5) + [0xFF, 0xFF, 0x04],
            .parameterList(at: 7, width: 2), .sanitizes, .asWrite, .slow
        ) { target, command, unit throws(Sense) in try target.sanitizeExitFailureMode(&command, unit) },
    ]

    private static let maintenanceRows: [CommandDescription] = [
        CommandDescription(
            .maintenanceIn, MaintenanceIn.reportSupportedOperationCodes.rawValue,
            usage: [0x0C, 0x87, 0xFF, 0xFF, 0xFF] + ff(4) + [0, 0x04], .allocation(at: 6, width: 4), .none, .asRead, .quick
        ) { target, command, unit throws(Sense) in try target.reportOperationCodes(&command, unit) },
        CommandDescription(
            .maintenanceIn, MaintenanceIn.reportSupportedTaskManagementFunctions.rawValue,
            usage: [0x0D, 0x80, 0, 0, 0] + ff(4) + [0, 0x04], .allocation(at: 6, width: 4), .none, .asRead, .quick
        ) { target, command, unit throws(Sense) in try target.reportTaskManagement(&command, unit) },
    ]
}

// Usage: array-cases DIRECTORY map [GIB]                what changes the map only; a LUN of 100 GiB
//        array-cases DIRECTORY data [SECONDS]           what moves data or waits for the disk; 2 s for each case
//        array-cases DIRECTORY make GIB RECORDS         a mapped pool, then the process kills itself
//        array-cases DIRECTORY open RECORDS [TABLE]     opens it; adds a line about its clones to the file TABLE
//
// The directory must exist; its file `pool` is overwritten, except by `open`.
import Glibc

func number(_ index: Int, or standard: Double) -> Double {
    CommandLine.arguments.count > index ? Double(CommandLine.arguments[index]) ?? standard : standard
}

func usage() -> Never {
    print("usage: array-cases DIRECTORY map [GIB] | data [SECONDS] | make GIB RECORDS | open RECORDS [TABLE]")
    exit(2)
}

guard CommandLine.arguments.count >= 3 else { usage() }
let directory = CommandLine.arguments[1]
do {
    switch CommandLine.arguments[2] {
    case "map":
        let sizeBytes = UInt64(number(3, or: 100)) * gibibyte
        let lab = try Laboratory(directory: directory, capacity: 4 * sizeBytes + 64 * gibibyte, isSparse: true)
        try MapCases(lab, sizeBytes: sizeBytes).run()
    case "data":
        let lab = try Laboratory(directory: directory, capacity: 64 * gibibyte, isSparse: false)
        try DataCases(lab, directory: directory, seconds: number(3, or: 2)).run()
    case "make":
        try RestartCases.make(
            directory: directory, sizeBytes: UInt64(number(3, or: 100)) * gibibyte, records: Int(number(4, or: 200_000)))
    case "open":
        let table = CommandLine.arguments.count > 4 ? CommandLine.arguments[4] : nil
        try RestartCases.open(directory: directory, records: Int(number(3, or: 0)), table: table)
    default: usage()
    }
} catch {
    print("failed: \(error)")
    exit(1)
}

// What the program carries with it equals the files that users read.
import Foundation
import Testing

@testable import Assembly

@Suite struct EmbeddedDefaultsTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    @Test func demoInventoryIsTheFile() throws {
        let file = try String(contentsOf: Self.root.appending(path: "config/inventory/demo.yaml"), encoding: .utf8)
        #expect(EmbeddedDefaults.demoInventory == file)
    }

    @Test func demoInventoryIsValid() throws {
        let lab = try SeedFile.parse(EmbeddedDefaults.demoInventory)
        #expect(lab.datacenters.map(\.name) == ["Datacenter"])
        #expect(lab.datacenters.first?.clusters.first?.hosts.count == 3)
        #expect(lab.datacenters.first?.datastores.count == 2)
    }
}

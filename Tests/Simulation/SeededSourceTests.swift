import Foundation
import Testing

/// Keys that repeat with a seed are for simulations. Whoever runs a device or a gateway must not be able to get them, by
/// mistake or by option: here the sources themselves are read.
@Suite("Only the simulator has a seeded source of keys")
struct SeededSourceTests {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    private func sources(_ folder: String) -> [(name: String, text: String)] {
        let base = Self.root.appendingPathComponent(folder).resolvingSymlinksInPath()
        let files = FileManager.default.enumerator(atPath: base.path)?.compactMap { $0 as? String } ?? []
        return files.filter { $0.hasSuffix(".swift") }.compactMap { file in
            (try? String(contentsOf: base.appendingPathComponent(file), encoding: .utf8)).map { (file, $0) }
        }
    }

    @Test("what a device or gateway runs cannot name one: no seeded type, no import of the simulation")
    func nothingToSelect() {
        let folders = [
            "Sources/sotto/Gateway", "Sources/sotto/Device", "Sources/sotto/Doctor", "Sources/sotto/Support",
            "Sources/DeviceClient", "Sources/GatewayCore", "Sources/GatewayStore", "Sources/SecureDatagram",
            "Sources/Noise", "Sources/NoiseSodium", "Sources/Homeserver",
        ]
        for folder in folders {
            let files = sources(folder)
            #expect(!files.isEmpty, "\(folder)")
            for (name, text) in files {
                for word in ["SeededEntropy", "SeededStream", "import Simulation\n", "import ScenarioReading"] {
                    #expect(!text.contains(word), "\(folder)/\(name) names \(word)")
                }
            }
        }
    }

    @Test("the seeded source is the simulation's own, and internal to it")
    func isInternal() throws {
        let declaring = sources("Simulator").filter { $0.text.contains("class SeededEntropy") }
        #expect(declaring.map(\.name) == ["Simulation/SeededEntropy.swift"])
        let text = try #require(declaring.first?.text)
        #expect(!text.contains("public") && !text.contains("package "))
        #expect(sources("Sources").allSatisfy { !$0.text.contains("class SeededEntropy") })
    }

    @Test("the random bytes of device and gateway come from the system's generator, whatever the environment says")
    func systemGenerator() throws {
        let program = sources("Sources/sotto").filter { !$0.name.hasPrefix("Simulate/") }
        var conforming: [String] = []
        var given: Set<String> = []
        for (name, text) in program {
            for line in text.split(separator: "\n") {
                if line.contains(": Entropy {") { conforming.append("\(name): \(line)") }
                if let range = line.range(of: "random: ") {
                    given.insert(String(line[range.upperBound...].prefix { $0 != ")" && $0 != "," }))
                }
            }
        }
        #expect(conforming == ["Device/DeviceFile.swift: struct SystemEntropy: Entropy {"])
        #expect(given == ["Sodium.randomBytes"])
        let device = try #require(program.first { $0.name == "Device/DeviceFile.swift" }?.text)
        #expect(device.contains("mutating func next32() -> [UInt8] { Sodium.randomBytes(32) }"))
        let sodium = sources("Sources/NoiseSodium").map(\.text).joined()
        #expect(sodium.contains("randombytes_buf"))
        #expect(!sodium.contains("randombytes_buf_deterministic") && !sodium.contains("getenv"))
    }
}

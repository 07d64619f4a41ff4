import Foundation
import Testing

@Suite("Noise vectors")
struct VectorTests {
    private static func files(in folder: URL) throws -> [URL] {
        try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
            .filter { $0.pathExtension == "json" }
    }

    private func committedFolder() throws -> URL {
        try #require(Bundle.module.url(forResource: "Vectors", withExtension: nil))
    }

    @Test("every committed vector for a hash that libsodium has comes out byte for byte, in both roles")
    func committedVectors() throws {
        var tally = VectorTally()
        for file in try Self.files(in: committedFolder()) { try tally.run(file) }
        print("Noise vectors: \(tally.passed) passed, skipped \(tally.skipped)")
        #expect(tally.failed == [])
        // 3 of 4 hashes of the 236 and 60 that others published, and 30 of our own.
        #expect(tally.passed == 177 + 45 + 30)
        #expect(tally.skipped == ["hash BLAKE2s": 59 + 15])
    }

    @Test(
        "every further vector of the folder that SOTTO_VECTORS names comes out too",
        .enabled(if: ProcessInfo.processInfo.environment["SOTTO_VECTORS"] != nil))
    func furtherVectors() throws {
        let folder = try #require(ProcessInfo.processInfo.environment["SOTTO_VECTORS"])
        var tally = VectorTally()
        for file in try Self.files(in: URL(fileURLWithPath: folder).appendingPathComponent("noise")) {
            try tally.run(file)
        }
        print("Noise vectors of \(folder): \(tally.passed) passed, skipped \(tally.skipped)")
        #expect(tally.failed == [])
        #expect(tally.passed > 0 || !tally.skipped.isEmpty, "no vectors in \(folder)/noise/*.json")
    }

    @Test("both JSON shapes run, a hash that libsodium lacks is skipped, and a wrong byte fails")
    func shapesAndFailures() throws {
        let file = try committedFolder().appendingPathComponent("noiseprotocol-25519-chachapoly.json")
        let text = try String(contentsOf: file, encoding: .utf8)
        func run(_ text: String) throws -> VectorTally {
            let copy = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID()).json")
            defer { try? FileManager.default.removeItem(at: copy) }
            try Data(text.utf8).write(to: copy)
            var tally = VectorTally()
            try tally.run(copy)
            return tally
        }
        let noiseC = try run(text.replacingOccurrences(of: "\"protocol_name\"", with: "\"name\""))
        #expect(noiseC.passed == 30)

        let unknownHash = try run(text.replacingOccurrences(of: "BLAKE2b", with: "BLAKE2s"))
        #expect(unknownHash.passed == 20)
        #expect(unknownHash.skipped == ["hash BLAKE2s": 10])

        // "the third message", as payload: what is written under it is another message than the file's.
        let payload = "746865207468697264206d657373616765"
        let damaged = try run(text.replacingOccurrences(of: "\"\(payload)\"", with: "\"\(payload)00\""))
        #expect(damaged.passed == 0)
        #expect(damaged.failed.count == 30)
        let otherHash = try run(
            text.replacingOccurrences(of: "\"handshake_hash\":\"", with: "\"handshake_hash\":\"00"))
        #expect(otherHash.passed == 0)
    }
}

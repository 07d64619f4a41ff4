import Foundation
import FuzzSupport
import TestSupport
import Testing

@Suite("Fuzz targets, on what is kept of earlier runs")
struct FuzzReplayTests {
    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    private func replay(_ target: any FuzzTarget.Type) throws {
        var count = 0
        for kind in ["Corpus", "FailCases"] {
            let inputs = Self.folder.appendingPathComponent(kind).appendingPathComponent("\(target)")
            let files = try? FileManager.default.contentsOfDirectory(at: inputs, includingPropertiesForKeys: nil)
            for file in files ?? [] {
                #expect(target.run(Array(try Data(contentsOf: file))) == nil, "\(kind): \(file.lastPathComponent)")
                count += 1
            }
        }
        #expect(count > 0, "no inputs for \(target)")
        var random = SplitMix64(seed: 3)
        for _ in 0..<200 {
            let input = random.bytes(random.below(200))
            #expect(target.run(input) == nil, "\(hex(input))")
        }
    }

    @Test("any bytes as a frame's header") func frames() throws { try replay(FrameFuzz.self) }

    @Test("a session whose datagrams are lost, repeated, damaged and forged") func sessions() throws {
        try replay(SessionFuzz.self)
    }

    @Test("any bytes as handshake messages, and as payloads of true ones") func handshakes() throws {
        try replay(HandshakeFuzz.self)
    }

    @Test("any bytes as compact values, requests and messages") func compact() throws { try replay(CompactFuzz.self) }

    @Test("any bytes as CoAP messages, and as a conversation of a client and a server") func coap() throws {
        try replay(CoAPMessageFuzz.self)
        try replay(CoAPExchangeFuzz.self)
    }

    @Test("bodies in blocks of both kinds, lost, repeated, late and forged") func blocks() throws {
        try replay(CoAPBlocksFuzz.self)
    }

    @Test("every kept input belongs to a target that is replayed here")
    func folders() throws {
        let targets = [
            "FrameFuzz", "SessionFuzz", "HandshakeFuzz", "CompactFuzz", "CoAPMessageFuzz", "CoAPExchangeFuzz",
            "CoAPBlocksFuzz",
        ]
        for kind in ["Corpus", "FailCases", "Targets"] {
            let folders = try FileManager.default.contentsOfDirectory(
                at: Self.folder.appendingPathComponent(kind), includingPropertiesForKeys: [.isDirectoryKey]
            ).filter { try $0.resourceValues(forKeys: [.isDirectoryKey]).isDirectory == true }
            let names = Set(folders.map(\.lastPathComponent)).subtracting(["Replay"])
            #expect(names.isSubset(of: targets), "\(kind): \(names)")
        }
    }
}

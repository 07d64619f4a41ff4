import CoAP
import CompactMatrix
import Foundation
import MatrixJSON
import TestSupport
import Testing

/// The examples of Docs/Compact-Matrix.md, sections 7 and 8.
@Suite("The document on what a session remembers")
struct SessionDocumentTests {
    private func document() throws -> String {
        let file = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../Docs/Compact-Matrix.md")
        return try String(contentsOf: file, encoding: .utf8)
    }

    @Test("the second message of a shape has the bytes that the document says")
    func example() throws {
        let text = try document()
        var (device, gateway) = SessionMemoryTests.pair(.edge)
        for frame in UInt64(0)..<2 {
            let request = SessionMemoryTests.send("hello")
            let up = device.encode(request, frame: frame)
            _ = try gateway.decodeRequest(up, frame: frame)
            device.acknowledged(frame)
            let id = "$vNE2ur7IJ-mfwb-aUo9gjkSUs3WWMX_QXE7SpuRkbME".replacing(
                "vNE2", with: frame == 0 ? "AAAA" : "vNE2")
            let down = gateway.encode(["event_id": .string(id)], to: request, frame: frame)
            gateway.acknowledged(frame)
            guard frame == 1 else { continue }
            #expect(text.contains("`\(hex(up))`"))
            #expect(hex(up) == "0768656c6c6f")
            #expect(hex(down) == "07bcd136babec827e99fc1bf9a528f608e4494b37596317fd05c4ed2a6e4646cc1")
        }
    }

    @Test("refusals have the bytes that the document says")
    func refusals() throws {
        let text = try document()
        let limit = try #require(CompactCodec.number(ofValue: "M_LIMIT_EXCEEDED"))
        let forbidden = try #require(CompactCodec.number(ofValue: "M_FORBIDDEN"))
        for (code, maxAge, number, payload) in [
            (Code.tooManyRequests, UInt32(8), limit, "08"), (.forbidden, nil, forbidden, ""),
            (.forbidden, nil, limit, "32"),
        ] {
            let refusal = DeviceRefusal(code, maxAge: maxAge, errorNumber: number)
            #expect(hex(refusal.payload) == payload)
            #expect(try DeviceRefusal(code, payload: refusal.payload) == refusal)
            #expect(payload.isEmpty || text.contains("`\(payload)`"))
        }
        // No error code is not the usual one.
        for code in [Code.tooManyRequests, .badGateway] {
            for maxAge in [nil, UInt32(0), 70_000] {
                for number in [nil, UInt16(3), 300] {
                    let refusal = DeviceRefusal(code, maxAge: maxAge, errorNumber: number)
                    #expect(try DeviceRefusal(code, payload: refusal.payload) == refusal)
                }
            }
        }
        for bad in ["60", "0000", "2020", "1b0000000100000000", "00" + "32", "3a00010000"] {
            #expect(throws: (any Error).self) { try DeviceRefusal(.tooManyRequests, payload: bytes(hex: bad)) }
        }
    }

    @Test("every status comes back from its code, and others say theirs")
    func statuses() {
        var own = 0
        for status in 100...599 {
            guard let code = AnswerStatus.code(of: status) else { continue }
            own += 1
            #expect(AnswerStatus.status(of: code) == status)
        }
        #expect(own == 1 + 29 + 32 + 31)
        #expect(AnswerStatus.code(of: 200) == .content)
        #expect(AnswerStatus.code(of: 404) == .notFound)
        for status in [100, 205, 231, 302, 432, 451, 531, 599] { #expect(AnswerStatus.code(of: status) == nil) }
    }
}

internal import Foundation
internal import NoiseSodium

/// What a device needs to enrol itself, as one line that can be typed, or read from a QR code:
/// `SOTTO:HOST:PORT/KEY/CODE`, the gateway's public key in 52 and the one-time code in 10 characters of Crockford's base32,
/// followed by two that notice a mistyped one.
struct EnrolmentText: Equatable {
    var gateway: HostPort
    var gatewayKey: [UInt8]
    /// 50 bits, in 7 bytes.
    var code: [UInt8]

    private static let scheme = "SOTTO:"
    /// No I, L, O, U: what is easily mistaken.
    private static let alphabet = Array("0123456789ABCDEFGHJKMNPQRSTVWXYZ".utf8)
    private static let codeCharacters = 10

    static func randomCode() -> [UInt8] {
        var code = Sodium.randomBytes(7)
        code[0] &= 0x03
        return code
    }

    var text: String {
        let body = "\(Self.scheme)\(gateway.description.uppercased())/\(Self.encode(gatewayKey, 52))/\(codeText)"
        return body + Self.check(body)
    }

    private var codeText: String { Self.encode(code, Self.codeCharacters) }

    init(gateway: HostPort, gatewayKey: [UInt8], code: [UInt8]) {
        self.gateway = gateway
        self.gatewayKey = gatewayKey
        self.code = code
    }

    init(_ text: String) throws {
        let line = text.trimmingCharacters(in: .whitespacesAndNewlines).uppercased()
        let problem = { (what: String) in
            Failure(.badInput, "this is no enrolment string: \(what); SOTTO:HOST:PORT/KEY/CODE is expected")
        }
        guard line.hasPrefix(Self.scheme) else { throw problem("it does not begin with \(Self.scheme)") }
        let parts = line.dropFirst(Self.scheme.count).split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 3 else { throw problem("it has \(parts.count) parts instead of 3") }
        guard let gateway = HostPort(parts[0].lowercased()), gateway.port > 0 else {
            throw problem("\"\(parts[0].lowercased())\" is not HOST:PORT")
        }
        guard let key = Self.decode(parts[1], 52, bytes: 32), parts[2].count == Self.codeCharacters + 2,
            let code = Self.decode(parts[2].prefix(Self.codeCharacters), Self.codeCharacters, bytes: 7)
        else {
            throw problem(
                "the key has 52 characters and the code \(Self.codeCharacters + 2), of 0-9 and A-Z without I, L, O, U")
        }
        self.init(gateway: gateway, gatewayKey: key, code: code)
        guard self.text == Self.scheme + parts.map({ String($0) }).joined(separator: "/").normalisedForReading else {
            throw problem("a character is mistyped")
        }
        guard Sodium.isUsablePublicKey(key) else { throw problem("the key in it cannot be used") }
    }

    /// Big-endian, the first character with the bits that are left over.
    private static func encode(_ bytes: [UInt8], _ count: Int) -> String {
        var characters = [UInt8](repeating: alphabet[0], count: count)
        var value = bytes
        for index in stride(from: count - 1, through: 0, by: -1) {
            // Divides the whole number by 32.
            var rest = 0
            for place in value.indices {
                let part = rest << 8 | Int(value[place])
                value[place] = UInt8(part >> 5)
                rest = part & 31
            }
            characters[index] = alphabet[rest]
        }
        return String(decoding: characters, as: UTF8.self)
    }

    private static func decode(_ text: Substring, _ count: Int, bytes: Int) -> [UInt8]? {
        guard text.utf8.count == count else { return nil }
        var value = [UInt8](repeating: 0, count: bytes)
        for character in String(text).normalisedForReading.utf8 {
            guard let digit = alphabet.firstIndex(of: character) else { return nil }
            var carry = digit
            for place in stride(from: bytes - 1, through: 0, by: -1) {
                let part = Int(value[place]) << 5 | carry
                value[place] = UInt8(part & 0xFF)
                carry = part >> 8
            }
            guard carry == 0 else { return nil }
        }
        return value
    }

    /// Two characters: every single wrong character and every exchange of two neighbours is noticed.
    private static func check(_ text: String) -> String {
        var sum = 0
        for byte in text.utf8 { sum = (sum * 257 + Int(byte)) % 1021 }
        return String(decoding: [alphabet[sum / 32], alphabet[sum % 32]], as: UTF8.self)
    }
}

extension String {
    /// Crockford: I and L read as 1, O as 0.
    fileprivate var normalisedForReading: String {
        // Host names keep their letters.
        guard let slash = firstIndex(of: "/") else {
            return replacing("I", with: "1").replacing("L", with: "1").replacing("O", with: "0")
        }
        return self[..<slash]
            + String(self[slash...]).replacing("I", with: "1").replacing("L", with: "1").replacing("O", with: "0")
    }
}

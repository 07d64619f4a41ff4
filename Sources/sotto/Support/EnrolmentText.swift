internal import Foundation
internal import NoiseSodium
internal import SecureDatagram

/// What a device needs to enrol itself, as one line that can be typed, or read from a QR code, in Crockford's base32 and with
/// two characters at the end that notice a mistyped one. `SOTTO:HOST:PORT/KEY/CODE`: the gateway's public key in 52
/// characters, the one-time code in 10. `SOTTO:HOST:PORT/NUMBER/SECRET`: what a label says, the device's number in decimal and
/// its secret in 26.
struct EnrolmentText: Equatable {
    enum Credential: Equatable {
        /// The code has 50 bits, in 7 bytes.
        case code(gatewayKey: [UInt8], code: [UInt8])
        /// The secret has 16 bytes.
        case label(number: UInt32, secret: [UInt8])
    }

    var gateway: HostPort
    var credential: Credential

    private static let scheme = "SOTTO:"
    /// No I, L, O, U: what is easily mistaken.
    private static let alphabet = Array("0123456789ABCDEFGHJKMNPQRSTVWXYZ".utf8)
    private static let codeCharacters = 10
    private static let secretCharacters = 26

    static func randomCode() -> [UInt8] {
        var code = Sodium.randomBytes(7)
        code[0] &= 0x03
        return code
    }

    var text: String {
        var body = "\(Self.scheme)\(gateway.description.uppercased())/"
        switch credential {
        case .code(let key, let code): body += Self.encode(key, 52) + "/" + Self.encode(code, Self.codeCharacters)
        case .label(let number, let secret): body += "\(number)/" + Self.encode(secret, Self.secretCharacters)
        }
        return body + Self.check(body)
    }

    init(gateway: HostPort, _ credential: Credential) {
        self.gateway = gateway
        self.credential = credential
    }

    /// What a gateway that has taken a code says.
    init(gateway: HostPort, _ reply: AdministrationReply, _ code: [UInt8]) throws {
        guard let key = reply.status?.gatewayKey else { throw Failure(.storage, "the gateway did not say its key") }
        self.init(
            gateway: gateway, .code(gatewayKey: try KeyText.parse(key, "the gateway's key"), code: code))
    }

    /// Prints what is to be done with it, and its QR code.
    func show(_ what: String, _ command: String) {
        print(what)
        print("  \(command)")
        if let picture = QRCode.render(text) { print(picture) }
    }

    init(_ text: String) throws {
        let line = text.trimmingCharacters(in: .whitespacesAndNewlines).uppercased()
        let problem = { (what: String) in
            Failure(
                .badInput,
                "this is no enrolment string: \(what); SOTTO:HOST:PORT/KEY/CODE or SOTTO:HOST:PORT/NUMBER/SECRET is expected"
            )
        }
        guard line.hasPrefix(Self.scheme) else { throw problem("it does not begin with \(Self.scheme)") }
        let parts = line.dropFirst(Self.scheme.count).split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 3 else { throw problem("it has \(parts.count) parts instead of 3") }
        guard let gateway = HostPort(parts[0].lowercased()), gateway.port > 0 else {
            throw problem("\"\(parts[0].lowercased())\" is not HOST:PORT")
        }
        if let key = Self.decode(parts[1], 52, bytes: 32), parts[2].count == Self.codeCharacters + 2,
            let code = Self.decode(parts[2].prefix(Self.codeCharacters), Self.codeCharacters, bytes: 7)
        {
            self.init(gateway: gateway, .code(gatewayKey: key, code: code))
        } else if let number = UInt32(parts[1]), DeviceNumber(number) != nil,
            parts[2].count == Self.secretCharacters + 2,
            let secret = Self.decode(parts[2].prefix(Self.secretCharacters), Self.secretCharacters, bytes: 16)
        {
            self.init(gateway: gateway, .label(number: number, secret: secret))
        } else {
            throw problem(
                "the key has 52 characters and the code \(Self.codeCharacters + 2), or the number is one of a device and the "
                    + "secret has \(Self.secretCharacters + 2), of 0-9 and A-Z without I, L, O, U")
        }
        guard self.text == Self.scheme + parts.map({ String($0) }).joined(separator: "/").normalisedForReading else {
            throw problem("a character is mistyped")
        }
        if case .code(let key, _) = credential, !Sodium.isUsablePublicKey(key) {
            throw problem("the key in it cannot be used")
        }
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

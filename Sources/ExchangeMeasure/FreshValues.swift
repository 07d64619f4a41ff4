import MatrixJSON

/// Replaces what differs from message to message by values of the same shape, so that nothing is won by a repetition that life
/// does not have: event ids, transaction ids, times, sync tokens, ciphertexts, signatures, hashes, texts, numbers in content,
/// ages. What stays in life stays: rooms, users, servers, devices, keys, types.
///
/// The same value becomes the same new one throughout an exchange.
struct FreshValues {
    private var random: SeededBits
    private var integers: [Int64: Int64] = [:]
    private var texts: [String: String] = [:]

    private static let tokenKeys: Set<String> = [
        "next_batch", "prev_batch", "since", "from", "to", "start", "end", "access_token", "refresh_token",
    ]
    private static let textKeys: Set<String> = ["body", "formatted_body", "text", "message", "reason", "summary"]
    private static let randomKeys: Set<String> = ["ciphertext", "sha256", "sig", "signature", "hash", "mac"]
    private static let numberKeys: Set<String> = ["age", "age_ts", "origin_server_ts", "ts", "depth", "retry_after_ms"]
    private static let alphabets = (
        standard: Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8),
        url: Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
    )

    init(seed: UInt64) {
        random = SeededBits(seed: seed)
    }

    mutating func exchange(_ exchange: Exchange) -> Exchange {
        var fresh = exchange
        let body = exchange.request.body.map { value($0, key: nil, inContent: isContent(exchange)) }
        // Not in the closure: it may not change what it captures.
        var names: [String: String] = [:]
        for (name, text) in exchange.request.pathVariables {
            if name == "txnId" {
                names[text] = self.transaction(text)
            } else if text.hasPrefix("$") {
                names[text] = self.event(text)
            }
        }
        for parameter in exchange.request.queryParameters where Self.tokenKeys.contains(parameter.name) {
            names[parameter.value] = token(parameter.value)
        }
        fresh.request = exchange.request.changing { _, text in names[text] ?? text }
        fresh.request.body = body
        fresh.answer = exchange.answer.map { value($0, key: nil, inContent: false) }
        return fresh
    }

    /// Whether the body is an event's content.
    private func isContent(_ exchange: Exchange) -> Bool {
        exchange.path.contains("/send/") && !exchange.isFederation || exchange.path.contains("/state/")
    }

    private mutating func value(_ value: JSONValue, key: String?, inContent: Bool) -> JSONValue {
        switch value {
        case .null, .bool: return value
        case .integer(let number):
            guard inContent || key.map({ Self.numberKeys.contains($0) }) == true else { return value }
            return .integer(integer(number))
        case .double(let number): return inContent ? .double(float(number)) : value
        case .string(let text): return .string(string(text, key: key, inContent: inContent))
        case .array(let items):
            var fresh: [JSONValue] = []
            for item in items { fresh.append(self.value(item, key: key, inContent: inContent)) }
            return .array(fresh)
        case .object(let object):
            var members: [JSONObject.Member] = []
            for member in object.members {
                let isSigned = key == "signatures" || key == "\u{0}signatures"
                let name = member.key.hasPrefix("$") ? event(member.key) : member.key
                var inner = isSigned ? "\u{0}signatures" : member.key
                if isSigned, case .string = member.value { inner = "signature" }
                members.append(
                    JSONObject.Member(
                        key: name,
                        value: self.value(member.value, key: inner, inContent: inContent || member.key == "content")))
            }
            return .object(JSONObject(members))
        }
    }

    private mutating func string(_ text: String, key: String?, inContent: Bool) -> String {
        if text.hasPrefix("$") { return event(text) }
        guard let key else { return text }
        if Self.tokenKeys.contains(key) { return token(text) }
        if Self.randomKeys.contains(key) { return noise(text, isURL: false) }
        if Self.textKeys.contains(key), inContent || key == "body" { return words(text) }
        return text
    }

    // MARK: Shapes

    private mutating func once(_ text: String, _ make: (inout FreshValues) -> String) -> String {
        if let known = texts[text] { return known }
        let fresh = make(&self)
        texts[text] = fresh
        return fresh
    }

    private mutating func event(_ text: String) -> String {
        once(text) { fresh in
            let halves = text.dropFirst().split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            let name = String(halves[0])
            let isHash = halves.count == 1 && name.utf8.count == 43
            let new = isHash ? fresh.noise(name, isURL: true) : fresh.characters(name, lettersToo: true)
            return "$" + new + (halves.count == 2 ? ":" + halves[1] : "")
        }
    }

    private mutating func transaction(_ text: String) -> String {
        if let number = Int64(text), String(number) == text { return String(integer(number)) }
        return once(text) { $0.characters(text, lettersToo: true) }
    }

    private mutating func token(_ text: String) -> String {
        once(text) { $0.characters(text, lettersToo: text.hasPrefix("syt_") || text.hasPrefix("syr_")) }
    }

    private mutating func words(_ text: String) -> String {
        once(text) { $0.characters(text, lettersToo: true) }
    }

    /// Base64: each character anew, so that the bits of the last one are random too.
    private mutating func noise(_ text: String, isURL: Bool) -> String {
        once(text) { fresh in
            let usesURL = isURL || text.utf8.contains(UInt8(ascii: "-")) || text.utf8.contains(UInt8(ascii: "_"))
            let alphabet = usesURL ? Self.alphabets.url : Self.alphabets.standard
            let utf8 = text.utf8.map { $0 == UInt8(ascii: "=") ? $0 : alphabet[fresh.random.below(64)] }
            return String(decoding: utf8, as: UTF8.self)
        }
    }

    /// Digits for digits, no zero first of several, and letters for letters of the same case.
    private mutating func characters(_ text: String, lettersToo: Bool) -> String {
        var isFirst = true
        var utf8: [UInt8] = []
        for byte in text.utf8 {
            let isDigit = byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9")
            switch byte {
            case _ where isDigit:
                let lowest = isFirst && byte != UInt8(ascii: "0") ? 1 : 0
                utf8.append(UInt8(ascii: "0") + UInt8(lowest + random.below(10 - lowest)))
            case UInt8(ascii: "a")...UInt8(ascii: "z") where lettersToo:
                utf8.append(UInt8(ascii: "a") + UInt8(random.below(26)))
            case UInt8(ascii: "A")...UInt8(ascii: "Z") where lettersToo:
                utf8.append(UInt8(ascii: "A") + UInt8(random.below(26)))
            default: utf8.append(byte)
            }
            isFirst = !isDigit
        }
        return String(decoding: utf8, as: UTF8.self)
    }

    /// As many digits. Of milliseconds of Unix time the first four stay: they do for eleven days.
    private mutating func integer(_ number: Int64) -> Int64 {
        if let known = integers[number] { return known }
        let digits = String(number.magnitude)
        let kept = digits.utf8.count == 13 ? 4 : 0
        let fresh = digits.prefix(kept) + characters(String(digits.dropFirst(kept)), lettersToo: false)
        var value = Int64(fresh) ?? number
        // Seventeen digits and more could leave what JSON and events allow.
        if value.magnitude > 9_007_199_254_740_991 { value = number }
        integers[number] = number < 0 ? -value : value
        return integers[number] ?? number
    }

    private mutating func float(_ number: Double) -> Double {
        for _ in 0..<16 {
            let text = characters(number.description, lettersToo: false)
            if let fresh = Double(text), fresh.isFinite, fresh.description.utf8.count == text.utf8.count {
                return fresh
            }
        }
        return number
    }
}

/// The same seed, the same values (SplitMix64).
struct SeededBits {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
        return z ^ z >> 31
    }

    mutating func below(_ bound: Int) -> Int {
        Int(truncatingIfNeeded: next() % UInt64(bound))
    }

    mutating func bytes(_ count: Int) -> [UInt8] {
        (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) }
    }
}

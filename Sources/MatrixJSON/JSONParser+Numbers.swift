extension JSONParser {
    mutating func number() throws(JSONError) -> JSONValue {
        let start = index
        let negative = taken(UInt8(ascii: "-"))
        let digits = index
        try self.digits()
        // RFC 8259 section 6: no leading zeros.
        if bytes[digits] == UInt8(ascii: "0"), index - digits > 1 {
            index = digits + 1
            throw unexpected()
        }
        let end = index
        var isFloat = false
        if taken(UInt8(ascii: ".")) {
            isFloat = true
            try self.digits()
        }
        if taken(UInt8(ascii: "e")) || taken(UInt8(ascii: "E")) {
            isFloat = true
            if !taken(UInt8(ascii: "+")) { _ = taken(UInt8(ascii: "-")) }
            try self.digits()
        }
        guard isFloat else {
            return .integer(try integer(digits..<end, negative: negative, start: start))
        }
        guard let value = Double(String(decoding: bytes[start..<index], as: UTF8.self)), value.isFinite else {
            throw fault(.numberOutOfRange, at: start)
        }
        return .double(value)
    }

    /// One digit at least.
    private mutating func digits() throws(JSONError) {
        let start = index
        while index < bytes.count, bytes[index] &- UInt8(ascii: "0") < 10 { index += 1 }
        guard index > start else { throw unexpected() }
    }

    private func integer(_ digits: Range<Int>, negative: Bool, start: Int) throws(JSONError) -> Int64 {
        // Gathered below zero, where Int64 reaches one further.
        var value: Int64 = 0
        for byte in bytes[digits] {
            let (product, tooLarge) = value.multipliedReportingOverflow(by: 10)
            let (sum, tooLargeToo) = product.subtractingReportingOverflow(Int64(byte &- UInt8(ascii: "0")))
            guard !tooLarge, !tooLargeToo else { throw fault(.numberOutOfRange, at: start) }
            value = sum
        }
        if negative { return value }
        guard value != .min else { throw fault(.numberOutOfRange, at: start) }
        return -value
    }
}

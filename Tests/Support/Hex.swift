/// The bytes that hexadecimal digits name; white space between them is for the reader.
public func bytes(hex: String) -> [UInt8] {
    let digits = hex.compactMap(\.hexDigitValue)
    return stride(from: 0, to: digits.count - digits.count % 2, by: 2).map { UInt8(digits[$0] * 16 + digits[$0 + 1]) }
}

public func hex(_ bytes: some Sequence<UInt8>) -> String {
    var text = ""
    for byte in bytes {
        for digit in [byte >> 4, byte & 0xF] { text += String(digit, radix: 16) }
    }
    return text
}

import MatrixJSON

// Reads requests, a JSON object a line with `method`, `target` and `body`, and bodies alone; writes for each the bytes that
// the compressor would see, in hexadecimal.
while let line = readLine() {
    guard let value = try? JSONValue(parsing: line) else { continue }
    let structure: [UInt8]
    if let method = value["method"]?.stringValue, let target = value["target"]?.stringValue {
        structure = CompactRequest(method: method, target: target, body: value["body"]).compressedPart
    } else {
        structure = CompactCodec.compressedPart(of: value["body"] ?? .null)
    }
    var text = ""
    for byte in structure { text += (byte < 16 ? "0" : "") + String(byte, radix: 16) }
    print(text)
}

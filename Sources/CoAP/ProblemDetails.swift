/// Concise problem details for an error that has no body of its own (RFC 9290): a CBOR map.
extension Response {
    /// Content-Format 257, application/concise-problem-details+cbor.
    public static var problemDetailsFormat: UInt64 { 257 }

    /// The same error, with a title, and the number of the option that was not processed.
    func withProblemDetails(unprocessed option: OptionNumber?) -> Response {
        var problem = self
        let title = Self.title(of: code)
        problem.options.append(MessageOption(.contentFormat, uint: Self.problemDetailsFormat))
        // Keys -1 (title) and -8 (unprocessed-coap-option); a title has fewer than 24 bytes.
        problem.payload = [option == nil ? 0xA1 : 0xA2, 0x20, 0x60 | UInt8(title.count)] + title
        if let number = option?.rawValue {
            problem.payload.append(0x27)
            switch number {
            case 0..<24: problem.payload.append(UInt8(number))
            case 24..<256: problem.payload += [0x18, UInt8(number)]
            default: problem.payload += [0x19, UInt8(number >> 8), UInt8(number & 0xFF)]
            }
        }
        return problem
    }

    private static func title(of code: Code) -> [UInt8] {
        switch code {
        case .badRequest: Array("Bad request".utf8)
        case .unauthorized: Array("Unauthorized".utf8)
        case .badOption: Array("Bad option".utf8)
        case .forbidden: Array("Forbidden".utf8)
        case .notFound: Array("Not found".utf8)
        case .methodNotAllowed: Array("Method not allowed".utf8)
        case .notAcceptable: Array("Not acceptable".utf8)
        case .requestEntityIncomplete: Array("Incomplete".utf8)
        case .preconditionFailed: Array("Precondition failed".utf8)
        case .requestEntityTooLarge: Array("Too large".utf8)
        case .tooManyRequests: Array("Too many requests".utf8)
        case .proxyingNotSupported: Array("No proxy".utf8)
        default: Array((code.codeClass == 5 ? "Server error" : "Error").utf8)
        }
    }
}

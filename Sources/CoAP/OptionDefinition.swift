/// What the specification of an option says of its value and its number (RFC 7252 section 5.10 and relatives).
struct OptionDefinition: Equatable, Sendable {
    /// Bytes.
    var shortest: Int
    var longest: Int
    var isRepeatable: Bool

    init(_ shortest: Int, _ longest: Int, isRepeatable: Bool = false) {
        self.shortest = shortest
        self.longest = longest
        self.isRepeatable = isRepeatable
    }
}

extension OptionNumber {
    /// nil for a number that this library does not know.
    var definition: OptionDefinition? {
        switch self {
        case .ifMatch: OptionDefinition(0, 8, isRepeatable: true)
        case .uriHost: OptionDefinition(1, 255)
        case .eTag: OptionDefinition(1, 8, isRepeatable: true)
        case .ifNoneMatch: OptionDefinition(0, 0)
        case .observe: OptionDefinition(0, 3)
        case .uriPort: OptionDefinition(0, 2)
        case .locationPath: OptionDefinition(0, 255, isRepeatable: true)
        case .uriPath: OptionDefinition(0, 255, isRepeatable: true)
        case .contentFormat: OptionDefinition(0, 2)
        case .maxAge: OptionDefinition(0, 4)
        case .uriQuery: OptionDefinition(0, 255, isRepeatable: true)
        case .hopLimit: OptionDefinition(1, 1)
        case .accept: OptionDefinition(0, 2)
        case .qBlock1, .block1, .block2: OptionDefinition(0, 3)
        case .qBlock2: OptionDefinition(0, 3, isRepeatable: true)
        case .locationQuery: OptionDefinition(0, 255, isRepeatable: true)
        case .size1, .size2: OptionDefinition(0, 4)
        case .proxyURI: OptionDefinition(1, 1034)
        case .proxyScheme: OptionDefinition(1, 255)
        case .echo: OptionDefinition(1, 40)
        case .noResponse: OptionDefinition(0, 1)
        case .requestTag: OptionDefinition(0, 8, isRepeatable: true)
        default: nil
        }
    }
}

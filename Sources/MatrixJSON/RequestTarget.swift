/// Method, path and query of a request in compact CBOR.
///
/// - The number of an endpoint in its usual version, without query, in the first style of `PercentStyle`: an integer from 0.
/// - Otherwise -1 - number, and modifiers: bit 0 says that a query follows, bits 1 and 2 the version, bits 3 and 4 the style.
/// - Anything else: a text, which is the target as it stands, and the method.
///
/// Then the variables of the path, a string each; then the query, an array of names and values by turns.
struct RequestTarget: Equatable {
    struct Parameter: Equatable {
        let name: String
        let value: String
    }

    enum Form: Equatable {
        case endpoint(
            number: Int, version: String?, style: PercentStyle, variables: [String], query: [Parameter]?)
        case text
    }

    let method: String
    let target: String
    let form: Form

    private static let methods = ["GET", "PUT", "POST", "DELETE", "OPTIONS", "HEAD", "PATCH"]

    init(method: String, target: String) {
        self.method = method
        self.target = target
        form = Self.form(method: method, target: target)
    }

    private static func form(method: String, target: String) -> Form {
        let halves = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        guard let path = halves.first, path.hasPrefix("/") else { return .text }
        let raw = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
        var segments: [String] = []
        for segment in raw {
            guard let decoded = PercentStyle.decode(segment) else { return .text }
            segments.append(decoded)
        }
        guard let match = CompactTables.endpoints.match(method: method, segments: segments),
            let endpoint = CompactTables.endpoints[UInt64(match.number)]
        else { return .text }
        let variables = zip(endpoint.parts, segments).filter { $0.0 == .variable }.map(\.1)
        var query: [Parameter]?
        if halves.count == 2 {
            guard let parameters = parameters(halves[1]) else { return .text }
            query = parameters
        }
        // The style that gives back what came; where none does, the text itself travels.
        for style in PercentStyle.allCases {
            let form = Form.endpoint(
                number: match.number, version: match.version, style: style, variables: variables, query: query)
            if let spelled = spell(form), spelled.hasSameUTF8(as: target) { return form }
        }
        return .text
    }

    private static func parameters(_ query: Substring) -> [Parameter]? {
        var parameters: [Parameter] = []
        for pair in query.split(separator: "&", omittingEmptySubsequences: false) {
            let sides = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard sides.count == 2, let name = PercentStyle.decode(sides[0]), let value = PercentStyle.decode(sides[1])
            else { return nil }
            parameters.append(Parameter(name: name, value: value))
        }
        return parameters
    }

    static func spell(_ form: Form) -> String? {
        guard case .endpoint(let number, let version, let style, let variables, let query) = form,
            let endpoint = CompactTables.endpoints[UInt64(number)]
        else { return nil }
        var rest = variables[...]
        var text = ""
        for part in endpoint.parts {
            text += "/"
            switch part {
            case .literal(let literal): text += literal
            case .version(let usual): text += version ?? usual
            case .variable:
                guard let variable = rest.popFirst() else { return nil }
                text += style.encode(variable, isQuery: false)
            }
        }
        if let query {
            text += "?"
            text += query.map {
                style.encode($0.name, isQuery: true) + "=" + style.encode($0.value, isQuery: true)
            }.joined(separator: "&")
        }
        return rest.isEmpty ? text : nil
    }

    /// Number 0 is the endpoint's own; the others are there to tell `r0`, `v1`, `v2` and `v3` apart.
    private static func versions(of endpoint: Endpoint) -> [String?] {
        guard let usual = endpoint.version else { return [nil] }
        return [usual] + Endpoint.versions.filter { $0 != usual }
    }

    func write(to encoder: inout CompactEncoder) {
        guard case .endpoint(let number, let version, let style, let variables, let query) = form,
            let endpoint = CompactTables.endpoints[UInt64(number)],
            let place = Self.versions(of: endpoint).firstIndex(of: version)
        else {
            encoder.writePlainText(target)
            if let number = Self.methods.firstIndex(of: method) {
                encoder.writeNumber(Int64(number))
            } else {
                encoder.writePlainText(method)
            }
            return
        }
        let modifiers = (query == nil ? 0 : 1) | place << 1 | style.rawValue << 3
        if modifiers == 0 {
            encoder.writeNumber(Int64(number))
        } else {
            encoder.writeNumber(-1 - Int64(number))
            encoder.writeNumber(Int64(modifiers))
        }
        for (variable, name) in zip(variables, endpoint.variables) {
            if encoder.opaque == nil || !endpoint.isOpaque(name) { encoder.writeString(variable, .variable) }
        }
        guard let query else { return }
        encoder.writeArrayHead(query.count * 2)
        for parameter in query {
            if let number = CompactTables.queries.number(of: parameter.name) {
                encoder.writeNumber(Int64(number))
            } else {
                encoder.writeString(parameter.name, .elsewhere)
            }
            if CompactTables.secrets.number(of: parameter.name) != nil {
                encoder.writeSecret(parameter.value)
            } else {
                encoder.writeString(parameter.value, .value(of: parameter.name))
            }
        }
    }

    init(from decoder: inout CompactDecoder) throws(CBORCodecError) {
        guard let first = decoder.nextByte else { throw decoder.fault(.truncated) }
        guard first >> 5 < 2 else {
            let target = try decoder.string(.elsewhere)
            let method: String
            if let byte = decoder.nextByte, byte >> 5 == 0 {
                guard let number = Int(exactly: try decoder.integer()), Self.methods.indices.contains(number) else {
                    throw decoder.fault(.undefinedNumber)
                }
                method = Self.methods[number]
            } else {
                method = try decoder.string(.elsewhere)
            }
            self.method = method
            self.target = target
            form = .text
            return
        }
        let integer = try decoder.integer()
        let modifiers = integer < 0 ? try decoder.integer() : 0
        guard let endpoint = CompactTables.endpoints[UInt64(integer < 0 ? -1 - integer : integer)] else {
            throw decoder.fault(.undefinedNumber)
        }
        guard modifiers >= 0, modifiers < 32, let style = PercentStyle(rawValue: Int(modifiers) >> 3),
            integer >= 0 || modifiers > 0
        else { throw decoder.fault(.undefinedNumber) }
        let versions = Self.versions(of: endpoint)
        let place = Int(modifiers) >> 1 & 0b11
        guard versions.indices.contains(place) else { throw decoder.fault(.undefinedNumber) }
        var variables: [String] = []
        for name in endpoint.variables {
            if let opaque = decoder.opaque, endpoint.isOpaque(name) {
                variables.append(OpaqueName(session: opaque.session, frame: opaque.frame, place: 0).text)
            } else {
                variables.append(try decoder.string(.variable))
            }
        }
        var query: [Parameter]?
        if modifiers & 1 == 1 { query = try Self.query(from: &decoder) }
        let form = Form.endpoint(
            number: Int(integer < 0 ? -1 - integer : integer), version: versions[place], style: style,
            variables: variables, query: query)
        guard let target = Self.spell(form) else { throw decoder.fault(.packing) }
        method = endpoint.method
        self.target = target
        self.form = form
    }

    private static func query(from decoder: inout CompactDecoder) throws(CBORCodecError) -> [Parameter] {
        let count = try decoder.arrayCount()
        guard count % 2 == 0 else { throw decoder.fault(.packing) }
        var parameters: [Parameter] = []
        for _ in 0..<count / 2 {
            let name: String
            if let byte = decoder.nextByte, byte >> 5 == 0 {
                let number = try decoder.integer()
                guard number >= 0, let found = CompactTables.queries[UInt64(number)] else {
                    throw decoder.fault(.undefinedNumber)
                }
                name = found
            } else {
                name = try decoder.string(.elsewhere)
            }
            let isSecret = CompactTables.secrets.number(of: name) != nil
            parameters.append(
                Parameter(name: name, value: try decoder.string(isSecret ? .elsewhere : .value(of: name))))
        }
        return parameters
    }
}

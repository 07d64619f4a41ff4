public import CoAP

extension ConformanceSite {
    /// Handles one request with its whole body.
    public mutating func handle(_ request: Request, now: Int64) -> Handling {
        var segments: [String] = []
        for segment in request.path {
            guard let text = String(validating: segment, as: UTF8.self), !text.contains("/") else {
                return .answer(Response(.notFound))
            }
            segments.append(text)
        }
        // "" and "/" name the same resource, whose request has no Uri-Path (RFC 7252 section 6.4).
        let path = "/" + segments.joined(separator: "/")
        switch path {
        case "/": return get(request, Representation("Sotto's server for checks of conformance\n"))
        case "/time": return get(request, time(now))
        case "/.well-known/core": return discovery(request)
        case "/test": return handleTest(request)
        case "/separate":
            guard request.method.isSafe else { return .answer(Response(.methodNotAllowed)) }
            return .separate(content(Representation("that took a second")), after: 1_000_000_000)
        case "/seg1/seg2/seg3": return get(request, Representation("/seg1/seg2/seg3"))
        case "/query": return query(request)
        case "/location-query":
            guard request.method == .post else { return .answer(Response(.methodNotAllowed)) }
            return .answer(Response(.created, options: Self.options(.locationQuery, ["first=1", "second=2"])))
        case "/multi-format": return multiFormat(request)
        case "/validate": return handleValidate(request)
        case "/create1", "/create2", "/create3": return create(request, path)
        case "/large": return get(request, Representation(Self.text(1280)))
        case "/large-update": return handleLargeUpdate(request)
        case "/large-create": return handleLargeCreate(request)
        case "/large-post":
            guard request.method == .post else { return .answer(Response(.methodNotAllowed)) }
            // The body comes back, and so much with it that the answer needs blocks as well.
            let answer = request.payload + Self.text(1280)
            return .answer(
                Response(.changed, options: [MessageOption(.contentFormat, uint: 0)], payload: answer))
        case "/obs": return handleObserved(request)
        case "/obs-non": return observe(request, .obsNon, confirmable: false)
        case "/obs-large": return observe(request, .obsLarge)
        case "/obs-pumping": return observe(request, .obsPumping)
        case "/obs-reset": return resetObservers(request)
        case "/link1", "/link2", "/link3": return get(request, Representation(path))
        case "/path":
            let links = Self.links.filter { $0.path.hasPrefix("/path/") }
            return get(request, Representation(ResourceLink.encode(links), format: 40))
        case "/path/sub1", "/path/sub2", "/path/sub3": return get(request, Representation(path))
        default: return .answer(Response(.notFound))
        }
    }

    static func options(_ number: OptionNumber, _ values: [String]) -> [MessageOption] {
        values.map { MessageOption(number, Array($0.utf8)) }
    }

    // MARK: Pieces

    /// GET of one representation: 4.06 where another is asked for, 2.03 where the client has it.
    private func get(_ request: Request, _ representation: Representation, eTag: Bool = false) -> Handling {
        guard request.method == .get else { return .answer(Response(.methodNotAllowed)) }
        return .answer(retrieved(request, representation, eTag: eTag))
    }

    private func retrieved(_ request: Request, _ representation: Representation, eTag: Bool = false) -> Response {
        if let accept = request.option(.accept)?.uint, accept != representation.format {
            return Response(.notAcceptable)
        }
        if eTag, request.options.contains(where: { $0.number == .eTag && $0.value == representation.eTag }) {
            return Response(.valid, options: [MessageOption(.eTag, representation.eTag)])
        }
        return content(representation, eTag: eTag)
    }

    private static func representation(of request: Request) -> Representation {
        Representation(request.payload, format: request.option(.contentFormat)?.uint ?? 0)
    }

    // MARK: Resources

    private mutating func handleTest(_ request: Request) -> Handling {
        switch request.method {
        case .get: return get(request, test)
        case .fetch:
            // What was asked for, and the answer to it: enough to see that the body got here.
            let format = MessageOption(.contentFormat, uint: 0)
            return .answer(Response(.content, options: [format], payload: request.payload))
        case .put, .patch, .iPatch:
            test = Self.representation(of: request)
            return .answer(Response(.changed))
        case .post:
            let location = Self.options(.locationPath, ["location1", "location2", "location3"])
            return .answer(Response(.created, options: location))
        case .delete: return .answer(Response(.deleted))
        default: return .answer(Response(.methodNotAllowed))
        }
    }

    private func query(_ request: Request) -> Handling {
        var parts: [String] = []
        for option in request.options where option.number == .uriQuery {
            parts.append(String(decoding: option.value, as: UTF8.self))
        }
        return get(request, Representation("/query?" + parts.joined(separator: "&")))
    }

    private func multiFormat(_ request: Request) -> Handling {
        guard request.method == .get else { return .answer(Response(.methodNotAllowed)) }
        switch request.option(.accept)?.uint ?? 0 {
        case 0: return .answer(content(Representation("one of several formats")))
        case 41: return .answer(content(Representation("<format>one of several</format>", format: 41)))
        case 50: return .answer(content(Representation("{\"format\":\"one of several\"}", format: 50)))
        case 60: return .answer(content(Representation([0xA1, 0x61, 0x66, 0x01], format: 60)))
        default: return .answer(Response(.notAcceptable))
        }
    }

    private mutating func handleValidate(_ request: Request) -> Handling {
        switch request.method {
        case .get: return get(request, validate, eTag: true)
        case .put, .iPatch:
            var isConditional = false
            var matches = false
            for option in request.options where option.number == .ifMatch {
                isConditional = true
                // An empty value asks for existence alone (RFC 7252 section 5.10.8.1).
                if option.value.isEmpty || option.value == validate.eTag { matches = true }
            }
            if isConditional, !matches { return .answer(Response(.preconditionFailed)) }
            validate = Self.representation(of: request)
            return .answer(Response(.changed, options: [MessageOption(.eTag, validate.eTag)]))
        default: return .answer(Response(.methodNotAllowed))
        }
    }

    private mutating func create(_ request: Request, _ path: String) -> Handling {
        switch request.method {
        case .get:
            guard let existing = created[path] else { return .answer(Response(.notFound)) }
            return get(request, existing)
        case .put:
            let exists = created[path] != nil
            if exists, request.option(.ifNoneMatch) != nil { return .answer(Response(.preconditionFailed)) }
            created[path] = Self.representation(of: request)
            return .answer(Response(exists ? .changed : .created))
        case .delete:
            created[path] = nil
            return .answer(Response(.deleted))
        default: return .answer(Response(.methodNotAllowed))
        }
    }

    private mutating func handleLargeUpdate(_ request: Request) -> Handling {
        switch request.method {
        case .get: return get(request, largeUpdate, eTag: true)
        case .put:
            largeUpdate = Self.representation(of: request)
            return .answer(Response(.changed))
        default: return .answer(Response(.methodNotAllowed))
        }
    }

    private mutating func handleLargeCreate(_ request: Request) -> Handling {
        switch request.method {
        case .get:
            guard let largeCreated else { return .answer(Response(.notFound)) }
            return get(request, largeCreated, eTag: true)
        case .post:
            largeCreated = Self.representation(of: request)
            return .answer(Response(.created, options: Self.options(.locationPath, ["large-create"])))
        case .delete:
            largeCreated = nil
            return .answer(Response(.deleted))
        default: return .answer(Response(.methodNotAllowed))
        }
    }

    // MARK: Observation

    private mutating func handleObserved(_ request: Request) -> Handling {
        switch request.method {
        case .put:
            let representation = Self.representation(of: request)
            let isOtherFormat = representation.format != observed.format
            observed = representation
            // Observers get what they asked for or nothing (RFC 7641 section 4.2).
            changes.append(
                Change(resource: .obs, response: isOtherFormat ? Response(.notAcceptable) : state(.obs)))
            return .answer(Response(.changed))
        case .delete:
            observed = Representation("\(ticks)")
            changes.append(Change(resource: .obs, response: Response(.notFound)))
            return .answer(Response(.deleted))
        default:
            return observe(request, .obs)
        }
    }

    private func observe(_ request: Request, _ resource: Observable, confirmable: Bool = true) -> Handling {
        guard request.method.isSafe else { return .answer(Response(.methodNotAllowed)) }
        let response = state(resource)
        if let accept = request.option(.accept)?.uint, accept != response.option(.contentFormat)?.uint {
            return .answer(Response(.notAcceptable))
        }
        switch request.observe {
        case 0: return .observe(resource, response, confirmable: confirmable)
        case 1: return .stopObserving(response)
        default: return .answer(response)
        }
    }

    private mutating func resetObservers(_ request: Request) -> Handling {
        guard request.method == .post else { return .answer(Response(.methodNotAllowed)) }
        guard request.payload == Array("sesame".utf8) else { return .answer(Response(.forbidden)) }
        for resource in Observable.allCases {
            changes.append(Change(resource: resource, response: state(resource), isForgotten: true))
        }
        return .answer(Response(.changed))
    }

    // MARK: Discovery

    private func discovery(_ request: Request) -> Handling {
        var filters: [[UInt8]] = []
        for option in request.options where option.number == .uriQuery { filters.append(option.value) }
        return get(request, Representation(ResourceLink.encode(Self.links, filters: filters), format: 40))
    }
}

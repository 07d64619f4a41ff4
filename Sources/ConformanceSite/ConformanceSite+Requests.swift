public import CoAP

extension ConformanceSite {
    /// Handles one request with its whole body.
    public mutating func handle(_ request: Request, now: Int64) -> Handling {
        // "" and "/" name the same resource, whose request has no Uri-Path (RFC 7252 section 6.4).
        var bytes: [UInt8] = []
        for option in request.options where option.number == .uriPath {
            guard !option.value.contains(UInt8(ascii: "/")) else { return .answer(Response(.notFound)) }
            bytes.append(UInt8(ascii: "/"))
            bytes.append(contentsOf: option.value)
        }
        guard let path = bytes.isEmpty ? "/" : String(validating: bytes, as: UTF8.self) else {
            return .answer(Response(.notFound))
        }
        guard conditionHolds(request, path) else { return .answer(Response(.preconditionFailed)) }
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
        case "/create2" where request.method == .post: return handleTest(request)
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
        default:
            guard created[path] != nil else { return .answer(Response(.notFound)) }
            return create(request, path)
        }
    }

    /// If-Match and If-None-Match (RFC 7252 section 5.10.8), with any method.
    private func conditionHolds(_ request: Request, _ path: String) -> Bool {
        guard request.options.contains(where: { $0.number == .ifMatch || $0.number == .ifNoneMatch }) else {
            return true
        }
        let existing: Representation? =
            switch path {
            case "/test": test
            case "/validate": validate
            case "/large-update": largeUpdate
            case "/obs": observed
            default: created[path]
            }
        let isListed = Self.links.contains { $0.path == path && !path.hasPrefix("/create") }
        let exists = existing != nil || isListed || path == "/.well-known/core"
        if exists, request.option(.ifNoneMatch) != nil { return false }
        guard request.option(.ifMatch) != nil else { return true }
        return request.options.contains { option in
            // An empty value asks for existence alone.
            option.number == .ifMatch && (option.value.isEmpty ? exists : option.value == existing?.eTag)
        }
    }

    static func options(_ number: OptionNumber, _ values: [String]) -> [MessageOption] {
        values.map { MessageOption(number, Array($0.utf8)) }
    }

    // MARK: Pieces

    /// GET of one representation: 4.06 where another is asked for, 2.03 where the client has it.
    private func get(
        _ request: Request, _ representation: Representation, eTag: Bool = false, maxAge: UInt64? = nil
    ) -> Handling {
        guard request.method == .get else { return .answer(Response(.methodNotAllowed)) }
        return .answer(retrieved(request, representation, eTag: eTag, maxAge: maxAge))
    }

    private func retrieved(
        _ request: Request, _ representation: Representation, eTag: Bool, maxAge: UInt64?
    ) -> Response {
        if let accept = request.option(.accept)?.uint, accept != representation.format {
            return Response(.notAcceptable)
        }
        if eTag, request.options.contains(where: { $0.number == .eTag && $0.value == representation.eTag }) {
            var options = [MessageOption(.eTag, representation.eTag)]
            if let maxAge { options.append(MessageOption(.maxAge, uint: maxAge)) }
            return Response(.valid, options: options)
        }
        return content(representation, maxAge: maxAge, eTag: eTag)
    }

    private static func representation(of request: Request) -> Representation {
        Representation(request.payload, format: request.option(.contentFormat)?.uint ?? 0)
    }

    // MARK: Resources

    private mutating func handleTest(_ request: Request) -> Handling {
        switch request.method {
        case .get: return get(request, test)
        case .fetch where !Self.isReadable(request), .patch where !Self.isReadable(request),
            .iPatch where !Self.isReadable(request):
            // What the body means depends on its format (RFC 8132 section 2.2, 3.4).
            return .answer(Response(.unsupportedContentFormat))
        case .fetch:
            // What was asked for, and the answer to it: enough to see that the body got here.
            let format = MessageOption(.contentFormat, uint: 0)
            return .answer(Response(.content, options: [format], payload: request.payload))
        case .put, .patch, .iPatch:
            test = Self.representation(of: request)
            return .answer(Response(.changed))
        case .post:
            let location = ["location1", "location2", "location3"]
            created["/" + location.joined(separator: "/")] = Self.representation(of: request)
            return .answer(Response(.created, options: Self.options(.locationPath, location)))
        case .delete:
            // It is there for the next checker again.
            test = Representation("Hello, CoAP")
            return .answer(Response(.deleted))
        default: return .answer(Response(.methodNotAllowed))
        }
    }

    private static func isReadable(_ request: Request) -> Bool {
        [0, 42, 50, 60].contains(request.option(.contentFormat)?.uint ?? 0)
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
        // A proxy on the way may answer for as long (CORE_29).
        case .get: return get(request, validate, eTag: true, maxAge: 30)
        case .put, .iPatch:
            validate = Self.representation(of: request)
            return .answer(Response(.changed, options: [MessageOption(.eTag, validate.eTag)]))
        default: return .answer(Response(.methodNotAllowed))
        }
    }

    private mutating func create(_ request: Request, _ path: String) -> Handling {
        switch request.method {
        case .get:
            guard let existing = created[path] else { return .answer(Response(.notFound)) }
            return get(request, existing, eTag: true)
        case .put:
            let exists = created[path] != nil
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

    /// Each body that is posted becomes a resource of its own below (BLOCK_04).
    private mutating func handleLargeCreate(_ request: Request) -> Handling {
        switch request.method {
        case .get:
            guard let newest = created["/large-create/\(largeCreations)"] else { return .answer(Response(.notFound)) }
            return get(request, newest, eTag: true)
        case .post: break
        default: return .answer(Response(.methodNotAllowed))
        }
        largeCreations += 1
        // The newest sixteen: nobody fills the memory with them.
        created["/large-create/\(largeCreations - 16)"] = nil
        created["/large-create/\(largeCreations)"] = Self.representation(of: request)
        let location = Self.options(.locationPath, ["large-create", "\(largeCreations)"])
        return .answer(Response(.created, options: location))
    }

    // MARK: Observation

    private mutating func handleObserved(_ request: Request) -> Handling {
        switch request.method {
        case .put:
            let representation = Self.representation(of: request)
            let isOtherFormat = representation.format != observed.format
            put = (representation, lastTick: ticks + 1)
            // Observers get what they asked for or nothing (RFC 7641 section 4.2).
            changes.append(
                Change(resource: .obs, response: isOtherFormat ? Response(.notAcceptable) : state(.obs)))
            return .answer(Response(.changed))
        case .delete:
            put = nil
            changes.append(Change(resource: .obs, response: Response(.notFound)))
            return .answer(Response(.deleted))
        default:
            return observe(request, .obs)
        }
    }

    private mutating func observe(_ request: Request, _ resource: Observable, confirmable: Bool = true) -> Handling {
        guard request.method.isSafe else { return .answer(Response(.methodNotAllowed)) }
        // Another format has ended every observation of this one; the next begins with the text that counts.
        if resource == .obs, request.observe == 0, observed.format != 0 { put = nil }
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

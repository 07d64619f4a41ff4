internal import CoAP

extension ConformanceSite {
    /// What `/.well-known/core` lists (LINK_01 to LINK_09 of the ETSI test descriptions ask for these attributes).
    static let links: [ResourceLink] = [
        link("/"), link("/test", ct: "0"), link("/time", ct: "0"),
        link("/separate", ct: "0"), link("/seg1/seg2/seg3", ct: "0"), link("/query", ct: "0"),
        link("/location-query"), link("/multi-format", ct: "0 41 50 60"), link("/validate", ct: "0"),
        link("/create1"), link("/create2"), link("/create3"),
        link("/large", rt: "block", sz: "1280"), link("/large-update", rt: "block", sz: "1280"),
        link("/large-create", rt: "block"), link("/large-post", rt: "block"),
        link("/obs", rt: "observe", isObservable: true), link("/obs-non", rt: "observe", isObservable: true),
        link("/obs-large", rt: "observe", isObservable: true),
        link("/obs-pumping", rt: "observe", isObservable: true), link("/obs-reset"),
        link("/link1", rt: "Type1 Type2", interface: "If1"), link("/link2", rt: "Type2 Type3", interface: "If2"),
        link("/link3", rt: "Type1 Type3", interface: "foo"),
        link("/path", ct: "40"), link("/path/sub1"), link("/path/sub2"), link("/path/sub3"),
    ]

    private static func link(
        _ path: String, rt: String? = nil, interface: String? = nil, ct: String? = nil, sz: String? = nil,
        isObservable: Bool = false
    ) -> ResourceLink {
        var attributes: [ResourceLink.Attribute] = []
        if let rt { attributes.append(.init("rt", rt)) }
        if let interface { attributes.append(.init("if", interface)) }
        if let ct { attributes.append(.init("ct", ct, isQuoted: ct.contains(" "))) }
        if let sz { attributes.append(.init("sz", sz, isQuoted: false)) }
        if isObservable { attributes.append(.init("obs", nil)) }
        return ResourceLink(path, attributes)
    }
}

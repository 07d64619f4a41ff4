// swift-tools-version: 6.2
// Fuzz targets, apart from the package so that nobody else builds them: Scripts/fuzz runs them. What they feed is linked
// into Sources/ (symbolic links to the package's own folders). A target is a folder in Targets/ with a folder of inputs in
// Corpus/; what once failed stays in FailCases/. The package's unit tests replay both.
import PackageDescription

// As in the package itself.
let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

func target(_ name: String, _ dependencies: [Target.Dependency] = [], path: String? = nil) -> Target {
    .target(name: name, dependencies: dependencies, path: path, swiftSettings: settings)
}

/// FUZZING: with libFuzzer's entry point, which brings no `main` of its own.
func fuzz(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .executableTarget(
        name: name, dependencies: dependencies + ["FuzzSupport"], path: "Targets/" + name,
        swiftSettings: settings + [.define("FUZZING"), .unsafeFlags(["-parse-as-library"])])
}

let package = Package(
    name: "fuzz",
    targets: [
        .systemLibrary(name: "CSodium", pkgConfig: "libsodium"),
        target("Noise"),
        target("NoiseSodium", ["CSodium", "Noise"]),
        target("SecureDatagram", ["Noise"]),
        .systemLibrary(name: "CCBOR", pkgConfig: "libcbor"),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib"),
        target("CBOR"),
        target("CoAP"),
        target("CompactMatrix", ["CBOR", "CoAP"]),
        .target(
            name: "MatrixJSON", dependencies: ["CCBOR", "CZlib", "CoAP", "CompactMatrix"], exclude: ["Tables"],
            swiftSettings: settings),
        target("FuzzSupport", path: "Support"),
        fuzz("FrameFuzz", ["NoiseSodium", "SecureDatagram"]),
        fuzz("SessionFuzz", ["Noise", "NoiseSodium", "SecureDatagram"]),
        fuzz("HandshakeFuzz", ["Noise", "NoiseSodium", "SecureDatagram"]),
        target("ConformanceSite", ["CoAP"]),
        fuzz("CoAPMessageFuzz", ["CoAP"]),
        fuzz("CoAPExchangeFuzz", ["CoAP", "ConformanceSite"]),
        fuzz("CoAPBlocksFuzz", ["CoAP"]),
        fuzz("CompactFuzz", ["CoAP", "CompactMatrix", "MatrixJSON"]),
    ]
)

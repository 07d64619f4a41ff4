internal import ArgumentParser
internal import ServiceLifecycle
internal import Yams
@main struct Sotto: ParsableCommand {}

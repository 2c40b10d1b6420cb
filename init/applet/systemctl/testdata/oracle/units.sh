set -e
cd /etc/systemd/system
w() { cat > "$1"; }
w zoo-run.service <<X
[Unit]
Description=A running service
Documentation=man:systemd(1) https://example.com/zoo
[Service]
ExecStartPre=/bin/true
ExecStartPre=-/bin/false
ExecStart=/bin/sh -c 'sleep 100000 & exec sleep 100001'
ExecReload=/bin/true
Environment=A=1 "B=two words"
[Install]
WantedBy=multi-user.target
X
w zoo-fail.service <<X
[Unit]
Description=Fails
[Service]
ExecStart=/bin/sh -c 'exit 7'
X
w zoo-failpre.service <<X
[Service]
Type=oneshot
ExecStart=/bin/sh -c 'kill -SEGV \$\$'
X
w zoo-noexec.service <<X
[Service]
ExecStart=/nonexistent/program
X
w zoo-once.service <<X
[Unit]
Description=Once
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/true
[Install]
WantedBy=multi-user.target
Alias=zoo-alias.service
Also=zoo-run.service
X
w zoo-oneshot.service <<X
[Service]
Type=oneshot
ExecStart=/bin/true
X
w zoo-static.service <<X
[Service]
ExecStart=/bin/sleep 1000
X
w zoo-t@.service <<X
[Unit]
Description=Template %i
[Service]
ExecStart=/bin/sleep 9999
[Install]
WantedBy=multi-user.target
DefaultInstance=dflt
X
w zoo-timer.timer <<X
[Timer]
OnCalendar=*-*-* 03:00
OnBootSec=1000h
Unit=zoo-oneshot.service
[Install]
WantedBy=timers.target
X
w zoo-mono.timer <<X
[Timer]
OnActiveSec=5h
Unit=zoo-oneshot.service
X
w zoo-sock.socket <<X
[Socket]
ListenStream=/run/zoo.sock
ListenDatagram=127.0.0.1:7999
Service=zoo-sock.service
X
w zoo-acc.socket <<X
[Socket]
ListenStream=/run/zooacc.sock
Accept=yes
X
w zoo-acc@.service <<X
[Service]
ExecStart=/bin/cat
StandardInput=socket
X
w zoo-sock.service <<X
[Service]
ExecStart=/bin/sleep 1000
X
w zoo-path.path <<X
[Path]
PathExists=/run/nothing-here
PathChanged=/etc/fstab
Unit=zoo-oneshot.service
X
w zoo-cond.service <<X
[Unit]
ConditionPathExists=/nope
ConditionPathExists=!/etc
ConditionPathExists=/etc
[Service]
ExecStart=/bin/true
X
w zoo-assert.service <<X
[Unit]
AssertPathExists=/nope
[Service]
ExecStart=/bin/true
X
w zoo-dep.service <<X
[Unit]
Requires=zoo-fail2.service
After=zoo-fail2.service
[Service]
ExecStart=/bin/sleep 1000
X
w zoo-fail2.service <<X
[Service]
Type=oneshot
ExecStart=/bin/false
X
w zoo-drop.service <<X
[Service]
ExecStart=/bin/sleep 1000
RuntimeMaxSec=1d
MemoryMax=100M
MemoryLow=1M
CPUWeight=50
TasksMax=40
X
mkdir -p zoo-drop.service.d /run/systemd/system/zoo-drop.service.d zoo-bad.service.d
printf '[Unit]\nDescription=Dropped in\n' > zoo-drop.service.d/10-a.conf
printf '[Unit]\n' > zoo-drop.service.d/20-b.conf
printf '[Unit]\n' > /run/systemd/system/zoo-drop.service.d/30-c.conf
w zoo-bad.service <<X
[Service]
Type=nonsense
X
w zoo-changed.service <<X
[Service]
ExecStart=/bin/sleep 1000
X
w zoo-limit.service <<X
[Unit]
StartLimitBurst=1
[Service]
ExecStart=/bin/false
Restart=always
RestartSec=1ms
X
w zoo-refuse.service <<X
[Unit]
RefuseManualStart=yes
[Service]
ExecStart=/bin/true
X
w zoo-notify.service <<X
[Service]
Type=notify
NotifyAccess=all
ExecStart=/bin/sh -c 'systemd-notify --ready --status="All is well"; exec sleep 10000'
X
w zoo-timeout.service <<X
[Service]
Type=notify
TimeoutStartSec=1
ExecStart=/bin/sleep 1000
X
w zoo-sandbox.service <<X
[Service]
ExecStart=/bin/sleep 10000
CapabilityBoundingSet=CAP_NET_RAW CAP_CHOWN
SystemCallFilter=~@mount
RestrictAddressFamilies=AF_UNIX
BindPaths=/etc:/mnt
TemporaryFileSystem=/opt:size=1M
RestrictNamespaces=net
LogExtraFields=A=B
IPAddressDeny=10.0.0.0/8
DeviceAllow=/dev/null rw
EnvironmentFile=-/etc/default/nothing
CPUAffinity=0
SuccessExitStatus=75 SIGUSR1
UMask=077
LimitNOFILE=100:200
X
ln -sf /dev/null zoo-masked.service
cat > /etc/init.d/zoo-sysv <<X
#!/bin/sh
### BEGIN INIT INFO
# Provides: zoo-sysv
# Required-Start:
# Required-Stop:
# Default-Start: 2 3 4 5
# Default-Stop: 0 1 6
# Short-Description: SysV zoo
### END INIT INFO
case "\$1" in start) (sleep 50000 >/dev/null 2>&1 &) ;; stop) pkill -f 'sleep 50000';; esac
X
chmod +x /etc/init.d/zoo-sysv
systemctl daemon-reload
for u in zoo-run zoo-once zoo-drop zoo-t@one zoo-notify zoo-sandbox; do systemctl start $u || true; done
systemctl start zoo-timer.timer zoo-mono.timer zoo-sock.socket zoo-acc.socket zoo-path.path || true
for u in zoo-fail zoo-failpre zoo-noexec zoo-cond zoo-assert zoo-changed zoo-limit zoo-oneshot zoo-timeout; do systemctl start $u || true; done
systemctl kill -s KILL zoo-t@one; systemctl start zoo-t@two
echo '# x' >> zoo-changed.service

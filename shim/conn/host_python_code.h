/*
 * What we have in the interpreter: run once, in a namespace that has variable, tell(fd, number), due(fd). For: host_python.c.
 *
 *      note(number, fd)   uvloop has just read that request: its tasks get the variable by a task factory
 *      look()             aiohttp, if it has been imported: its server's handlers get the variable, its client tells for which
 *                         request it writes
 *
 * Whatever goes wrong in it is passed over; then requests are not linked.
 */
#ifndef OCTO_CONN_HOST_PYTHON_CODE_H
#define OCTO_CONN_HOST_PYTHON_CODE_H

static const char octo_python_code[] =
    "import asyncio, contextvars, functools, sys\n"
    "last = 0, -1\n"
    "wrapped = set()\n"
    "def fd_of(transport):\n"
    "    socket = transport and transport.get_extra_info('socket')\n"
    "    return -1 if socket is None else socket.fileno()\n"
    "def is_of(protocol, fd):\n"
    "    return fd_of(getattr(protocol, 'transport', None) or getattr(protocol, '_transport', None)) == fd\n"
    "def factory(loop, coro, **more):\n"
    "    try:\n"
    "        number, fd = last\n"
    "        if number and more.get('context') is None and asyncio.current_task(loop) is None:\n"
    "            frame = sys._getframe(1)\n"
    "            while frame and frame.f_code.co_name not in ('data_received', 'buffer_updated'):\n"
    "                frame = frame.f_back\n"
    "            if frame and is_of(frame.f_locals.get('self'), fd):\n"
    "                context = contextvars.copy_context()\n"
    "                context.run(variable.set, number)\n"
    "                more.pop('context', None)\n"
    "                return context.run(asyncio.Task, coro, loop=loop, **more)\n"
    "    except Exception:\n"
    "        pass\n"
    "    if more.get('context', 0) is None: # not known before Python 3.11\n"
    "        del more['context']\n"
    "    return asyncio.Task(coro, loop=loop, **more)\n"
    "def note(number, fd):\n"
    "    global last\n"
    "    last = number, fd\n"
    "    loop = asyncio._get_running_loop()\n"
    "    if loop is not None and loop.get_task_factory() is None:\n"
    "        loop.set_task_factory(factory)\n"
    "def writes(original):\n"
    "    @functools.wraps(original)\n"
    "    def write(self, *arguments, **more):\n"
    "        try:\n"
    "            tell(fd_of(self.transport), variable.get(0))\n"
    "        except Exception:\n"
    "            pass\n"
    "        return original(self, *arguments, **more)\n"
    "    return write\n"
    "def handles(original):\n"
    "    @functools.wraps(original)\n"
    "    async def handle(self, *arguments, **more):\n"
    "        try:\n"
    "            number = due(fd_of(self.transport))\n"
    "            if number:\n"
    "                variable.set(number)\n"
    "        except Exception:\n"
    "            pass\n"
    "        return await original(self, *arguments, **more)\n"
    "    return handle\n"
    "places = (('aiohttp.http_writer', 'StreamWriter', '_write', writes),\n"
    "          ('aiohttp.http_writer', 'StreamWriter', '_writelines', writes),\n"
    "          ('aiohttp.web_protocol', 'RequestHandler', '_handle_request', handles))\n"
    "def look():\n"
    "    for module, name, method, wrap in places:\n"
    "        if (module, method) in wrapped or module not in sys.modules:\n"
    "            continue\n"
    "        made = getattr(sys.modules[module], name, None)\n"
    "        if made is None: # it is being imported\n"
    "            continue\n"
    "        wrapped.add((module, method))\n"
    "        if hasattr(made, method):\n"
    "            setattr(made, method, wrap(getattr(made, method)))\n";

#endif
